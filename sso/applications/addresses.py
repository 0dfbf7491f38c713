"""The addresses of an application: where browsers are sent back to, and where this server sends messages.

Browsers are sent where the text of a redirect URI says, letter by letter. So one that could be read in two ways (RFC
9700, 2.1 and 4.1.3), such as with `..` or a name before an @, is refused when it is registered, and a request's has
to be equal to a registered one.
"""

import re
from collections.abc import Callable, Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from reprotech.core.exceptions import ValidationFailed

MAX_ADDRESSES = 20
MAX_LENGTH = 500
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
#: What an authorization response adds; a redirect URI that has one of its own would give the program two.
RESPONSE_PARAMETERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri", "session_state"})
#: A name or an address as browsers write it: in small letters, and international names encoded.
HOST_PATTERN = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|[0-9a-f:.]+", re.ASCII)
PATH_PATTERN = re.compile(r"[A-Za-z0-9._~!$&'()+,;=:@%/-]*", re.ASCII)
ENCODED_SEPARATORS = ("%2f", "%5c", "%00", "%25")

Rule = Callable[[str], str]


def checked_addresses(field: str, uris: Collection[str]) -> list[str]:
    """Redirect URIs, each once; raises ValidationFailed with a sentence for each that isn't one."""
    unique = list(dict.fromkeys(uris))
    if len(unique) > MAX_ADDRESSES:
        raise ValidationFailed({field: [f"Give at most {MAX_ADDRESSES} addresses."]})
    _refuse(field, unique, redirect_problem)
    return unique


def checked_logout_address(field: str, uri: str) -> str:
    """A back-channel logout URI or ""; raises ValidationFailed."""
    _refuse(field, [uri] if uri else [], logout_problem)
    return uri


def checked_home_url(field: str, url: str) -> str:
    """The address of the program's first page or ""; raises ValidationFailed."""
    _refuse(field, [url] if url else [], home_problem)
    return url


def _refuse(field: str, uris: Iterable[str], find_problem: Rule) -> None:
    if sentences := [f"{_shown(uri)} {problem}" for uri in uris if (problem := find_problem(uri))]:
        raise ValidationFailed({field: sentences})


def _shown(uri: str) -> str:
    # Cut, and without what would break the line: a caller chooses it.
    text = "".join(char if char.isprintable() else "?" for char in uri[:60])
    return f"{text}{'…' if len(uri) > len(text) else ''}" or "An empty address"


def redirect_problem(uri: str) -> str:
    """Why a browser can't be sent back to this address, as the rest of a sentence; "" if it can."""
    return _problem(uri, is_encrypted=True) or _ambiguity(urlsplit(uri))


def logout_problem(uri: str) -> str:
    """Why this server can't send logout tokens to this address; "" if it can.

    Programs stand in the laboratory's own network, so private addresses are allowed. What no program has isn't, such as
    the link-local address where clouds hand out credentials; `is_sendable` is asked again with what a name resolves to.
    """
    if problem := redirect_problem(uri):
        return problem
    try:
        address = ip_address(urlsplit(uri).hostname or "")
    except ValueError:
        return ""  # a name
    return "" if is_sendable(address) else "has an address that no program can have."


def is_loopback_address(address: IPv4Address | IPv6Address) -> bool:
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_sendable(address: IPv4Address | IPv6Address) -> bool:
    """Whether this server may send messages of single sign-on to an address."""
    # IPv6 addresses that stand for one of IPv4 (RFC 4291, RFC 3056).
    address = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    return not (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not address.is_loopback)
    )


def home_problem(url: str) -> str:
    """Why people can't be led to this address; "" if they can. In a laboratory's own network it may be plain HTTP."""
    return _problem(url, is_encrypted=False)


def _problem(uri: str, *, is_encrypted: bool) -> str:
    if problem := _illegible(uri):
        return problem
    parts = urlsplit(uri)
    host = parts.hostname or ""
    rules = {
        "has a *: give each address by itself, without wildcards.": "*" in uri,
        "has a fragment: leave out the # and what follows.": "#" in uri,
        "has a name or password before its host: leave it out.": "@" in parts.netloc,
        "must begin with https:// and a host.": not uri.startswith(("https://", "http://")) or not host,
        "has no port after the colon.": parts.port == 0 or parts.netloc.endswith(":"),
        "has a host that browsers would write in another way: use small letters.": host not in parts.netloc
        or not HOST_PATTERN.fullmatch(host)
        or ".." in host,
        "must begin with https://; http:// is for programs on the same computer (localhost, 127.0.0.1, [::1]).": (
            is_encrypted and parts.scheme == "http" and host not in LOOPBACK_HOSTS
        ),
    }
    return next((sentence for sentence, is_broken in rules.items() if is_broken), "")


def _illegible(uri: str) -> str:
    if len(uri) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters."
    if not uri.isascii() or not uri.isprintable() or re.search(r"[\s\\\"<>^`{|}]", uri):
        return "has characters that must be encoded: write it as the browser's address bar copies it."
    try:
        _ = urlsplit(uri).port
    except ValueError:
        return "has a host or port that can't be read."
    return ""


def _ambiguity(parts: SplitResult) -> str:
    segments = unquote(parts.path).split("/")
    if {".", ".."} & {*segments} or any(text in parts.path.lower() for text in ENCODED_SEPARATORS):
        return "has . or .. or an encoded slash in its path: write the path as it is."
    if not PATH_PATTERN.fullmatch(parts.path):
        return "has characters in its path that must be encoded."
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if used := sorted(names & RESPONSE_PARAMETERS):
        return f"has the parameter {used[0]}, which the answer of the sign-in needs."
    return ""
