"""Ranges of IP addresses: by a network such as 10.20.0.0/24, or by the beginning that its addresses share."""

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.db import models
from django.db.models import Func

Network = IPv4Network | IPv6Network

#: Such as "10", "10.20" and "10.20.0.".
IPV4_BEGINNING = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}\.?", re.ASCII)
#: Such as "2001:db8" and "2001:db8:".
IPV6_BEGINNING = re.compile(r"[0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,6}:?", re.ASCII | re.IGNORECASE)
OCTET_BITS, GROUP_BITS = 8, 16


class NumericAddress(Func):
    """An address as text that sorts like its number, on SQLite (`numeric_address`)."""

    function = "reprotech_address"
    output_field = models.TextField()


def parse_network(text: str) -> Network:
    """The network of a CIDR range, of the beginning of an address, or of one address; raises ValueError."""
    text = text.strip()
    if "%" in text:
        raise ValueError("An address with a zone belongs to one network card, not to a client.")
    if "/" in text:
        return ip_network(text, strict=False)
    if IPV4_BEGINNING.fullmatch(text):
        octets = text.rstrip(".").split(".")
        return IPv4Network(f"{'.'.join([*octets, '0', '0', '0'][:4])}/{OCTET_BITS * len(octets)}")
    if ":" in text and "::" not in text and IPV6_BEGINNING.fullmatch(text):
        groups = text.rstrip(":").split(":")
        return IPv6Network(f"{':'.join(groups)}::/{GROUP_BITS * len(groups)}")
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return ip_network(mapped or address)


def numeric_address(text: str | None) -> str | None:
    """`NumericAddress` as a function for SQLite, which stores addresses as text."""
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    return f"{address.version}{int(address):032x}"
