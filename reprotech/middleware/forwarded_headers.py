"""The client's address and scheme, from the headers of trusted proxies.

Anybody can send these headers, so only TRUSTED_PROXIES are believed. An unreadable element ends the search: the nearest
address that could be read counts, in the end the proxy's own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from wsgiref.types import WSGIEnvironment

from django.conf import settings

Address = IPv4Address | IPv6Address

#: None of these headers reaches a view.
HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")
#: Longer chains of proxies don't exist.
MAX_HOPS = 50
MAX_HOP_LENGTH = 200
#: A number, or a word in its place (RFC 7239, 6).
PORT = re.compile(r"(:(\d{0,5}|_[A-Za-z0-9._-]+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """Address and scheme, "" where unknown; only a proxy names the scheme."""

    address: str
    scheme: str
    is_proxied: bool


def read_client(meta: WSGIEnvironment) -> Client:
    remote = meta.get("REMOTE_ADDR", "")
    nearest = parse_address(remote)
    if not is_trusted(nearest):
        return Client("" if nearest is None else str(nearest), "", is_proxied=False)
    if settings.FORWARDED_HEADERS == "Forwarded":
        hops = schemes = meta.get("HTTP_FORWARDED", "")
    else:
        hops, schemes = meta.get("HTTP_X_FORWARDED_FOR", ""), meta.get("HTTP_X_FORWARDED_PROTO", "")
    return Client(_client_address(nearest, hops), _scheme(schemes), is_proxied=True)


def is_trusted(address: Address | None) -> bool:
    return address is not None and any(address in network for network in settings.TRUSTED_PROXIES)


def _client_address(nearest: Address | None, hops: str) -> str:
    """The last address in `hops` that is no trusted proxy; the client may have forged those before it."""
    client = nearest
    for text in _from_the_end(hops):
        address = parse_address(text)
        if address is None:
            break
        client = address
        if not is_trusted(address):
            break
    return str(client)


def _from_the_end(hops: str) -> Iterator[str]:
    # Empty elements of a list are none (RFC 9110, 5.6.1).
    elements = (element.strip() for element in reversed(hops.split(",")))
    return islice((element for element in elements if element), MAX_HOPS)


def _scheme(schemes: str) -> str:
    # The first of a list, as Django, Rack and Express read it: proxies often reach one another without TLS. A client
    # that forges it only avoids the redirect to https: browsers take no secure cookie over http.
    first = schemes.partition(",")[0]
    scheme = _parameter(first, "proto").strip(' \t"').lower()
    return scheme if scheme in {"http", "https"} else ""


def _parameter(element: str, name: str) -> str:
    """The value of a parameter (RFC 7239), or the whole element if it has none."""
    if "=" not in element:
        return element
    for pair in element.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == name:
            return value
    return ""


def parse_address(text: str) -> Address | None:
    """The address in an element, in any notation; None for others such as `unknown`."""
    return _parse(text) if len(text) <= MAX_HOP_LENGTH else None


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    host = _parameter(text, "for").strip(' \t"')
    port = ""
    if host.startswith("["):
        host, bracket, port = host[1:].partition("]")
        port = port if bracket else "missing"
    elif host.count(":") == 1:  # with more it is an IPv6 address, without a port
        host, colon, port = host.partition(":")
        port = colon + port
    if not PORT.fullmatch(port):
        return None
    try:
        address = ip_address(host.partition("%")[0])  # the zone names a network card of the proxy
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return None if address.is_unspecified else address
