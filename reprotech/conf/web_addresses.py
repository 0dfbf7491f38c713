"""Hosts and origins, normalized as browsers send them."""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

import idna

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_NAME_LENGTH = 253
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def normalize_host(host: str) -> str:
    """The host in lower case and ASCII, an IPv6 address in brackets; raises ValueError with a reason."""
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return _normalize_name(host)
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def _normalize_name(name: str) -> str:
    try:
        ascii_name = idna.encode(name.rstrip("."), uts46=True, transitional=False).decode()
    except idna.IDNAError:
        # Names inside a network may have what a public one can't: underscores, or two hyphens in a row.
        ascii_name = name.rstrip(".").lower()
    if len(ascii_name) > MAX_NAME_LENGTH or not all(map(LABEL.fullmatch, ascii_name.split("."))):
        raise ValueError("its host is no name and no address")
    # Browsers read a host of digits as an IPv4 address (WHATWG URL, host parsing).
    if ascii_name.replace(".", "").isdigit():
        raise ValueError("its host is no address")
    return ascii_name


def normalize_origin(text: str) -> str:
    """`scheme://host`, with the port unless it is the scheme's own; raises ValueError with a reason."""
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in DEFAULT_PORTS:
        raise ValueError("it must begin with https:// or http://")
    if any(char.isspace() or not char.isprintable() for char in text):
        raise ValueError("it holds a blank")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("its host or port can't be read") from None
    if "@" in parts.netloc:
        raise ValueError("it must not hold a name or a password")
    if parts.path.strip("/") or "?" in text or "#" in text:
        raise ValueError("it must end after the host and port, without a path")
    if port == 0:
        raise ValueError("its port can't be 0")
    host = normalize_host(parts.hostname or "")
    return f"{parts.scheme}://{host}" + ("" if port in {None, DEFAULT_PORTS[parts.scheme]} else f":{port}")
