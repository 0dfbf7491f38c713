"""The network that counts as one client, for limits and for recognizing a client by its address."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

#: A client with one IPv6 address has all of a network of this size, and devices change theirs within it every day.
IPV6_PREFIX = 64


def client_network(address: str) -> str:
    """An address itself for IPv4, its /64 for IPv6; any other text as it is."""
    network = parse_network(address)
    if network is None:
        return address
    return str(network.network_address) if isinstance(network, IPv4Network) else str(network)


def parse_network(address: str) -> IPv4Network | IPv6Network | None:
    """None for what is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return ip_network((parsed, IPV6_PREFIX if isinstance(parsed, IPv6Address) else parsed.max_prefixlen), strict=False)
