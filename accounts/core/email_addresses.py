"""The canonical form of an e-mail address, so that one mailbox can't have two accounts."""

import idna

from reprotech.core.normalization import normalize_text

#: How a label of letters beyond ASCII begins (RFC 5890, A-label).
ENCODED = "xn--"


class InvalidDomain(ValueError):
    """A domain that isn't valid in DNS."""


def normalize_address(address: str) -> str:
    """The address with its domain in ASCII (IDNA 2008) and lower case; raises InvalidDomain."""
    local, at, domain = address.rpartition("@")
    return f"{normalize_text(local)}@{_normalize_domain(domain)}" if at else normalize_text(address)


def lookup_address(address: str) -> str:
    """The same in lower case, for comparisons; any text is accepted."""
    try:
        return normalize_address(address).lower()
    except InvalidDomain:
        return normalize_text(address).lower()


def readable_address(address: str) -> str:
    """The address with its domain in Unicode, for display."""
    local, at, domain = address.rpartition("@")
    if ENCODED not in domain:
        return address
    try:
        return f"{local}{at}{idna.decode(domain)}"
    except UnicodeError:
        return address


def _normalize_domain(domain: str) -> str:
    absolute = domain.removesuffix(".")  # the root's dot names the same host
    if absolute.isascii() and ENCODED not in absolute.lower():
        return absolute.lower()
    try:
        return idna.encode(absolute, uts46=True).decode().removesuffix(".")
    except UnicodeError:
        raise InvalidDomain(domain) from None
