"""Reads a request's whole body, up to its limit, before any view.

A view that got a truncated body would answer with success for what it never saw. So bodies are read here, with a
Content-Length or without (chunked, HTTP/2), and an incomplete one is refused.
"""

import os
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from threading import BoundedSemaphore
from wsgiref.types import WSGIEnvironment

from django.http import HttpRequest

from reprotech.middleware.forwarded_headers import parse_address
from reprotech.server.graceful_shutdown import open_sockets

#: Bytes of a refused body that are read: many clients send everything before they read the answer.
MAX_DRAINED = 33_554_432
CHUNK_BYTES = 65_536
#: Linux' states of a connection that the client has reset, or closed in order.
TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8
#: Offset of `tcpi_bytes_received` (eight bytes) in `struct tcp_info`.
TCP_INFO_BYTES_RECEIVED = 128
#: Within this time the server closes an idle connection that the client has closed.
POLL_SECONDS = 0.1
#: How long to wait for other requests, and in how many threads: broken bodies must not occupy all of them.
MAX_WAIT_SECONDS, MAX_WAITING_THREADS = 1, 2
#: Methods whose requests have no body unless they say so.
WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "TRACE"}
INCOMPLETE = "The body ended before it was complete. Send the request again."
INVALID_LENGTH = "The Content-Length must be a number."
_waiting = BoundedSemaphore(MAX_WAITING_THREADS)


class BodyRefused(Exception):
    """The status of the answer, and a sentence where the status alone doesn't say why."""

    def __init__(self, status: HTTPStatus, sentence: str = "") -> None:
        super().__init__(sentence or status.phrase)
        self.status = status
        self.sentence = sentence


def read_body(request: HttpRequest, limit: int) -> None:
    """Put the whole body into the request; raises BodyRefused.

    400: the length is no number, or the body is incomplete. 411: there is no length, and the WSGI server doesn't mark
    the body's end. 413: it is longer than `limit`.
    """
    meta = request.META
    is_chunked = "HTTP_TRANSFER_ENCODING" in meta  # overrides a Content-Length (RFC 9112, 6.3)
    length = "" if is_chunked else meta.get("CONTENT_LENGTH") or ""
    if length:
        size = _parse_length(length)
        if size:
            _replace(request, _read_announced(meta, size, limit))
    elif is_chunked or request.method not in WITHOUT_BODY or not meta["SERVER_PROTOCOL"].startswith("HTTP/1"):
        if meta.get("wsgi.input_terminated"):
            _replace(request, _read_to_end(request, limit, is_chunked=is_chunked))
        elif is_chunked:
            raise BodyRefused(HTTPStatus.LENGTH_REQUIRED)


def _parse_length(length: str) -> int:
    if not (length.isascii() and length.isdigit()):
        raise BodyRefused(HTTPStatus.BAD_REQUEST, INVALID_LENGTH)
    return int(length[:18])  # cut, since Python refuses to read numbers of thousands of digits


def _read_announced(meta: WSGIEnvironment, size: int, limit: int) -> bytes:
    if size > limit:
        # A client that waits for "100 Continue" has sent nothing yet, and would send everything if it were read.
        if "HTTP_EXPECT" not in meta:
            _drain(meta, size)
        raise BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    body = b""
    while len(body) < size:
        piece = _read(meta, size - len(body))
        if not piece:
            raise BodyRefused(HTTPStatus.BAD_REQUEST, INCOMPLETE)
        body += piece
    return body


def _read_to_end(request: HttpRequest, limit: int, *, is_chunked: bool) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := _read(request.META, CHUNK_BYTES):
        size += len(piece)
        if size > limit:
            pieces.clear()
            _drain(request.META, MAX_DRAINED)
            raise BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        pieces.append(piece)
    body = b"".join(pieces)
    # A request that announces no body and has none is complete, as most DELETEs.
    if (body or is_chunked) and not _is_complete(request, body):
        raise BodyRefused(HTTPStatus.BAD_REQUEST, INCOMPLETE)
    return body


def _is_complete(request: HttpRequest, body: bytes) -> bool:
    """Whether nothing is missing: granian passes on a body that broke off as if it had ended there."""
    # Forms with files have a closing line, and truncated JSON doesn't parse. Of other bodies only the client shows it:
    # one that broke off is gone, one that is done waits for the answer.
    if body and request.content_type == "multipart/form-data":
        boundary = (request.content_params or {}).get("boundary", "")
        return f"--{boundary}--".encode("latin-1", "replace") in body
    return (bool(body) and request.content_type == "application/json") or not is_client_gone(request.META)


def is_client_gone(meta: WSGIEnvironment) -> bool:
    """Whether the client of this request has closed the connection."""
    # WSGI doesn't say which connection is this request's, so all count that a client at its address has closed. The
    # server soon closes the idle ones, and those of other requests when they are answered; this request's stays.
    closed = _closed_by_client(meta)
    if closed:
        time.sleep(POLL_SECONDS)
        closed &= _closed_by_client(meta)
    if closed and _waiting.acquire(blocking=False):
        try:
            until = time.monotonic() + MAX_WAIT_SECONDS
            while closed and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
                closed &= _closed_by_client(meta)
        finally:
            _waiting.release()
    return bool(closed)


def _closed_by_client(meta: WSGIEnvironment) -> set[int]:
    """Inodes of the connections to this server that a client at the request's address has closed."""
    address, closed = parse_address(meta.get("REMOTE_ADDR", "")), set()
    for found in open_sockets():
        with found, suppress(OSError):
            if str(found.getsockname()[1]) != meta["SERVER_PORT"]:
                continue
            info = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES_RECEIVED + 8)
            state, received = info[0], any(info[TCP_INFO_BYTES_RECEIVED:])
            # A socket that never received anything is no client's, such as the main process' own.
            if (state == TCP_CLOSE and received) or (
                state == TCP_CLOSE_WAIT and parse_address(found.getpeername()[0]) == address
            ):
                closed.add(os.fstat(found.fileno()).st_ino)
    return closed


def _drain(meta: WSGIEnvironment, length: int) -> None:
    left = min(length, MAX_DRAINED)
    while left > 0 and (piece := _read(meta, min(CHUNK_BYTES, left))):
        left -= len(piece)


def _read(meta: WSGIEnvironment, length: int) -> bytes:
    """Up to `length` bytes; b"" at the end, or when the client is gone."""
    try:
        return bytes(meta["wsgi.input"].read(length))
    except OSError:
        return b""


def _replace(request: HttpRequest, body: bytes) -> None:
    request.META["CONTENT_LENGTH"] = str(len(body))
    request.META["wsgi.input"] = BytesIO(body)
    # Django made its stream with the announced length.
    request._stream = BytesIO(body)
