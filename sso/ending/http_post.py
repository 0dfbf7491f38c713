"""Sends a form to a program's address: no redirects, no proxies, no long waits; only the answer's status counts."""

import socket
import ssl
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from threading import Timer
from urllib.parse import urlencode, urlsplit

from sso.applications.addresses import LOOPBACK_HOSTS, is_loopback_address, is_sendable

#: For the connection and for each piece of the answer; and for all of it, as a program may send it letter by letter.
TIMEOUT_SECONDS, DEADLINE_SECONDS = 3, 6


class PostFailed(Exception):
    """Nothing was delivered; the text shows no secret."""


def post_form(address: str, fields: dict[str, str]) -> int:
    """The status of the answer; raises PostFailed."""
    parts = urlsplit(address)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    # Closing alone would not wake the thread that waits for the answer.
    deadline = Timer(DEADLINE_SECONDS, _cut, [connection])
    deadline.daemon = True
    deadline.start()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*", "User-Agent": "Reprotech"}
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.connect()
        refuse_peer(parts.scheme, connection.sock.getpeername()[0])
        connection.request("POST", path, body=urlencode(fields), headers={**headers, "Connection": "close"})
        return connection.getresponse().status
    except (HTTPException, ValueError) as error:
        raise PostFailed(type(error).__name__) from error  # its text may be what the program sent
    except OSError as error:
        raise PostFailed(f"{type(error).__name__}: {error}"[:150]) from error
    finally:
        deadline.cancel()
        connection.close()


def refuse_peer(scheme: str, peer: str) -> None:
    """Raise PostFailed where a name has led to an address that isn't sent to: nothing was sent yet."""
    address = ip_address(peer.partition("%")[0])
    if not is_sendable(address) or (scheme == "http" and not is_loopback_address(address)):
        raise PostFailed("The host's name leads to an address that no program can have.")


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=_tls())
    if scheme == "http" and _is_loopback(host):
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    raise PostFailed("The address is neither https nor one of this computer.")


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK_HOSTS


@cache
def _tls() -> ssl.SSLContext:
    # It reads all certificate authorities of the system, or of SSL_CERT_FILE.
    return ssl.create_default_context()


def _cut(connection: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
