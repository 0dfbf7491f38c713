"""Serializer fields: strict JSON types, and addresses with their formats in the schema."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class StrictStringField(serializers.CharField):
    """A JSON string; numbers are refused."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StrictIntegerField(serializers.IntegerField):
    """A JSON whole number; strings, fractions and booleans are refused."""

    def to_internal_value(self, data: object) -> int:
        # To Python, True is an int.
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(str(data)[: self.MAX_STRING_LENGTH]))


class StrictBooleanField(serializers.BooleanField):
    """A JSON true or false; strings and numbers are refused."""

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


MAX_NETWORK_LENGTH = 50
IPV4, IPV6 = ({"type": "string", "format": name} for name in ("ipv4", "ipv6"))
#: OpenAPI itself has no format for networks.
ADDRESS_SCHEMA = {"type": "string", "anyOf": [IPV4, IPV6]}
NETWORK_SCHEMA = {"type": "string", "anyOf": [IPV4, IPV6, {"type": "string", "format": "cidr"}]}


@extend_schema_field(ADDRESS_SCHEMA)
class AddressField(serializers.IPAddressField):
    """An address in a request body."""


@extend_schema_field(ADDRESS_SCHEMA)
class AddressOutputField(serializers.CharField):
    """An address in an answer's body."""


@extend_schema_field({**NETWORK_SCHEMA, "maxLength": MAX_NETWORK_LENGTH})
class NetworkField(StrictStringField):
    """An address or network in a request body; the service parses it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_NETWORK_LENGTH, **options)


@extend_schema_field(NETWORK_SCHEMA)
class NetworkOutputField(serializers.CharField):
    """An address or network in an answer."""
