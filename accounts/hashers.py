"""How passwords are hashed: bcrypt, as Django stores it, out of the way of whoever isn't signing in.

A hash takes a core for a quarter of a second. Threads of a lower priority do nothing else, so that an answer to anybody
who is signed in interrupts them instead of waiting in a row with them.
"""

import binascii
import contextlib
import ctypes
import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context

import bcrypt
from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, make_password
from django.contrib.auth.hashers import get_hasher as django_get_hasher
from django.utils.crypto import constant_time_compare

from reprotech.core.exceptions import ServerBusy

#: Threads of a process that stay free for those who are signed in, however many sign in.
KEPT_FREE = 4
#: How much the threads that hash give way (`man 7 sched`): where others want all cores, they are left a tenth of one.
NICENESS = 10
#: Bytes of what `crypt_rn` works in: its `struct crypt_data`.
WORKSPACE = 32_768
#: How a hash by bcrypt begins (as do the salts for it).
BCRYPT = b"$2b$"
#: For comparing what two libraries make of the same, at the least cost.
SAMPLE, SAMPLE_SALT = b"the same by both", BCRYPT + b"04$abcdefghijklmnopqrstuu"

Hash = Callable[[bytes, bytes], bytes]


class BCryptPasswordHasher(BCryptSHA256PasswordHasher):
    """Django's own, of the normalized password, hashing in threads of a lower priority.

    Every hash takes a seat here, so no caller can forget to. What needs several hashes takes one seat for all of them,
    so that none of them can be refused half-way.
    """

    def encode(self, password: str, salt: str | bytes) -> str:
        """What is stored of a password; the salt as `salt()` makes it, or a whole bcrypt hash. Raises ServerBusy."""
        return self._encode(normalize_password(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the hash is of the password, normalized or, as before passwords were normalized, as typed."""
        return bool(super().verify(password, encoded)) or self.is_of_typed_form(password, encoded)

    def is_of_typed_form(self, password: str, encoded: str) -> bool:
        """Whether the hash is of the password as it was typed, where that isn't its normalized form."""
        if normalize_password(password) == password:
            return False
        algorithm, _, setting = encoded.partition("$")
        if algorithm != self.algorithm:
            self._encode(password, self.salt())  # the time must not tell that there is no password
            return False
        return constant_time_compare(encoded, self._encode(password, setting))

    def _encode(self, password: str, salt: str | bytes) -> str:
        # In hexadecimal, which has no byte that would end it early.
        digest = binascii.hexlify(self.digest(password.encode()).digest())
        setting = salt.encode() if isinstance(salt, str) else salt
        with seat():
            hashed = _threads().submit(fastest_hash(), digest, setting).result()
        return f"{self.algorithm}${hashed.decode()}"


def check_nothing(password: str) -> None:
    """Take the time that it takes to find out that a password is wrong, for an account that isn't there."""
    hasher = get_hasher()
    with seat():
        hasher.encode(password, hasher.salt())
        hasher.is_of_typed_form(password, "")


def get_hasher() -> BCryptPasswordHasher:
    """The one hasher of this installation."""
    hasher = django_get_hasher()
    assert isinstance(hasher, BCryptPasswordHasher)  # noqa: S101 (for the type checker)  # nosec B101
    return hasher


def normalize_password(password: str) -> str:
    """The form of a password that is checked and hashed, whatever keyboard and system it was typed on.

    RFC 8265, 4.2.2 (OpaqueString): other spaces become U+0020, then NFC; case and width stay as they are.
    """
    if password.isascii():
        return password
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    return unicodedata.normalize("NFC", spaced)


@contextlib.contextmanager
def seat() -> Iterator[None]:
    """Be one of those who may wait for hashes within the block; raises ServerBusy when there are as many as may.

    Each holds one of the process' threads for as long: if they held all, nobody else would be answered. It never waits
    for a seat, so a caller that holds a database lock can't be part of a deadlock. Within another's block of the
    same thread it takes none.
    """
    global _seated  # noqa: PLW0603 (as below)
    if _has_seat.get():
        yield
        return
    with _counting:
        if _seated >= max(1, settings.THREADS - KEPT_FREE):
            raise ServerBusy
        _seated += 1
    token = _has_seat.set(True)
    try:
        yield
    finally:
        _has_seat.reset(token)
        with _counting:
            _seated -= 1


def hash_many(passwords: Sequence[str]) -> list[str]:
    """The hashes of many passwords, which take one seat; raises ServerBusy while this process hashes for an import.

    No more of them than there are cores wait for a core at a time, so a sign-in is next after those.
    """
    if not passwords:
        return []
    if not _hashing_many.acquire(blocking=False):
        raise ServerBusy
    try:
        with seat(), ThreadPoolExecutor(os.cpu_count()) as threads:
            # Each in a copy of this context, which has the seat.
            hashes = [threads.submit(copy_context().run, make_password, password) for password in passwords]
            return [hashed.result() for hashed in hashes]
    finally:
        _hashing_many.release()


def fastest_hash() -> Hash:
    """bcrypt by the system's libcrypt, which takes a sixth less time than the package, or else by that."""
    global _fastest  # noqa: PLW0603 (one for each process)
    if _fastest is None:
        system = system_hash()
        is_same = system is not None and system(SAMPLE, SAMPLE_SALT) == bcrypt.hashpw(SAMPLE, SAMPLE_SALT)
        _fastest = system if system and is_same else bcrypt.hashpw
    return _fastest


def system_hash() -> Hash | None:
    """bcrypt by libxcrypt, None on a system without it. As the package's, it raises ValueError for a bad salt."""
    try:
        library = ctypes.CDLL("libcrypt.so.1")
        crypt_rn = library.crypt_rn
    except (OSError, AttributeError):
        return None
    crypt_rn.restype = ctypes.c_char_p
    crypt_rn.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)

    def hash_(password: bytes, salt: bytes) -> bytes:
        hashed: bytes | None = crypt_rn(password, salt, ctypes.create_string_buffer(WORKSPACE), WORKSPACE)
        if hashed is None or not hashed.startswith(BCRYPT):
            # What it says instead of a hash must never be compared with one.
            raise ValueError("Invalid salt")
        return hashed

    return hash_


def _threads() -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603 (as above)
    with _making:
        if _pool is None:
            _pool = ThreadPoolExecutor(os.cpu_count(), "hashing", initializer=_give_way)
        return _pool


def _give_way() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _forget_threads() -> None:
    global _pool, _making
    _pool, _making = None, threading.Lock()


_fastest: Hash | None = None
_pool: ThreadPoolExecutor | None = None
_making = threading.Lock()
_seated = 0
_counting = threading.Lock()
_hashing_many = threading.Lock()
_has_seat: ContextVar[bool] = ContextVar("has_seat", default=False)
os.register_at_fork(after_in_child=_forget_threads)
