"""Sends a form to a program's address: no redirects, no proxies, no long waits; only the answer's status counts."""

import socket
import ssl
from contextlib import suppress
from functools import cache
from http.client import HTTP_PORT, HTTPS_PORT, HTTPConnection, HTTPException
from ipaddress import ip_address
from threading import Timer
from urllib.parse import urlencode, urlsplit

from sso.applications.addresses import LOOPBACK_HOSTS, is_loopback_address, is_sendable

#: For the connection and for each piece of the answer; and for all of it, as a program may send it letter by letter.
TIMEOUT_SECONDS, DEADLINE_SECONDS = 3, 6
FORM = "application/x-www-form-urlencoded"


class PostFailed(Exception):
    """Nothing was delivered; the text shows no secret."""


def post_form(address: str, fields: dict[str, str]) -> int:
    """The status of the answer; raises PostFailed."""
    parts = urlsplit(address)
    host, scheme = parts.hostname or "", parts.scheme
    if scheme != "https" and not (scheme == "http" and host in LOOPBACK_HOSTS):
        raise PostFailed("The address is neither https nor one of this computer.")
    connection = HTTPConnection(host, parts.port or (HTTPS_PORT if scheme == "https" else HTTP_PORT))
    # Closing alone would not wake the thread that waits for the answer.
    deadline = Timer(DEADLINE_SECONDS, _cut, [connection])
    deadline.daemon = True
    deadline.start()
    headers = {"Host": parts.netloc, "Content-Type": FORM, "Accept": "*/*", "User-Agent": "Reprotech"}
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        _connect(connection, scheme)
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


def _connect(connection: HTTPConnection, scheme: str) -> None:
    """Open its socket; raises PostFailed before the first byte if the host's name leads where nothing is sent."""
    connection.sock = socket.create_connection((connection.host, connection.port), TIMEOUT_SECONDS)
    refuse_peer(scheme, connection.sock.getpeername()[0])
    if scheme == "https":
        # In two steps, so that the deadline also cuts a handshake.
        connection.sock = _tls().wrap_socket(
            connection.sock, server_hostname=connection.host, do_handshake_on_connect=False
        )
        connection.sock.do_handshake()


@cache
def _tls() -> ssl.SSLContext:
    # It reads all certificate authorities of the system, or of SSL_CERT_FILE.
    return ssl.create_default_context()


def _cut(connection: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
