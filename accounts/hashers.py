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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import bcrypt
from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from accounts.errors import Busy

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
    """Django's own, hashing in threads of a lower priority."""

    def encode(self, password: str, salt: str | bytes) -> str:
        """What is stored of a password; the salt as `salt()` makes it, or a whole bcrypt hash."""
        # In hexadecimal, which has no byte that would end it early.
        digest = binascii.hexlify(self.digest(password.encode()).digest())
        setting = salt.encode() if isinstance(salt, str) else salt
        hashed = _threads().submit(fastest_hash(), digest, setting).result()
        return f"{self.algorithm}${hashed.decode()}"


@contextlib.contextmanager
def seat() -> Iterator[None]:
    """Be one of those who may wait for a hash within the block; raises Busy when there are as many as may.

    Each holds one of the process' threads for as long: if they held all, nobody else would be answered.
    """
    global _seated  # noqa: PLW0603 (as below)
    with _counting:
        if _seated >= max(1, settings.THREADS - KEPT_FREE):
            raise Busy
        _seated += 1
    try:
        yield
    finally:
        with _counting:
            _seated -= 1


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
os.register_at_fork(after_in_child=_forget_threads)
