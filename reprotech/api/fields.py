"""Fields of the API with a format that DRF's own don't tell the schema of."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reprotech.api.parsers import StringField

#: Letters of the longest address with the longest prefix, with room.
MAX_NETWORK_LENGTH = 50
IPV4, IPV6 = ({"type": "string", "format": name} for name in ("ipv4", "ipv6"))
#: An address, and one or a network: OpenAPI has no format for networks.
ADDRESS = {"type": "string", "anyOf": [IPV4, IPV6]}
NETWORK = {"type": "string", "anyOf": [IPV4, IPV6, {"type": "string", "format": "cidr"}]}


@extend_schema_field(ADDRESS)
class AddressField(serializers.IPAddressField):
    """An address, as it is sent."""


@extend_schema_field(ADDRESS)
class AddressAnswer(serializers.CharField):
    """An address, as it is answered."""


@extend_schema_field({**NETWORK, "maxLength": MAX_NETWORK_LENGTH})
class NetworkField(StringField):
    """An address or network, as it is sent; the service takes it apart."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_NETWORK_LENGTH, **options)


@extend_schema_field(NETWORK)
class NetworkAnswer(serializers.CharField):
    """An address or network, as it is answered."""
