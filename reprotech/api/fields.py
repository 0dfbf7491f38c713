"""Fields of the API with a format that DRF's own don't tell the schema of."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class StrictStringField(serializers.CharField):
    """A JSON string; numbers aren't taken for one."""

    def to_internal_value(self, data: Any) -> str:
        """The string, blanks around it removed unless the field keeps them."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StrictIntegerField(serializers.IntegerField):
    """A JSON whole number; words, fractions and yes or no aren't taken for one."""

    def to_internal_value(self, data: Any) -> int:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(str(data)[: self.MAX_STRING_LENGTH]))


class StrictBooleanField(serializers.BooleanField):
    """A JSON true or false; words and numbers aren't taken for one."""

    def to_internal_value(self, data: Any) -> bool:
        """The value."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


#: Letters of the longest address with the longest prefix, with room.
MAX_NETWORK_LENGTH = 50
IPV4, IPV6 = ({"type": "string", "format": name} for name in ("ipv4", "ipv6"))
#: An address, and one or a network: OpenAPI has no format for networks.
ADDRESS_SCHEMA = {"type": "string", "anyOf": [IPV4, IPV6]}
NETWORK_SCHEMA = {"type": "string", "anyOf": [IPV4, IPV6, {"type": "string", "format": "cidr"}]}


@extend_schema_field(ADDRESS_SCHEMA)
class AddressField(serializers.IPAddressField):
    """An address, as it is sent."""


@extend_schema_field(ADDRESS_SCHEMA)
class AddressOutputField(serializers.CharField):
    """An address, as it is answered."""


@extend_schema_field({**NETWORK_SCHEMA, "maxLength": MAX_NETWORK_LENGTH})
class NetworkField(StrictStringField):
    """An address or network, as it is sent; the service takes it apart."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_NETWORK_LENGTH, **options)


@extend_schema_field(NETWORK_SCHEMA)
class NetworkOutputField(serializers.CharField):
    """An address or network, as it is answered."""
