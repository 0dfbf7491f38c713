"""Password hashing: bcrypt, as Django stores it, in threads of a lower priority.

A hash takes a core for a quarter of a second. Other requests preempt these threads instead of queueing behind them.
"""

import contextlib
import os
import sys
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, make_password
from django.contrib.auth.hashers import get_hasher as django_get_hasher
from django.utils.crypto import constant_time_compare

from reprotech.core.exceptions import ServerBusy

#: Threads of a process that stay free for other requests, however many users sign in.
RESERVED_THREADS = 4
#: Of the threads that hash (`man 7 sched`): where others need all cores, they get a tenth of one.
NICENESS = 10

_slots = threading.BoundedSemaphore(max(1, settings.THREADS - RESERVED_THREADS))
_import_lock = threading.Lock()
_has_slot: ContextVar[bool] = ContextVar("has_hashing_slot", default=False)


class BCryptPasswordHasher(BCryptSHA256PasswordHasher):
    """Django's own, of the normalized password, hashing in threads of a lower priority.

    Every hash takes a slot here, so no caller can forget to. A caller that needs several hashes takes one slot for all,
    so that it can't be refused half-way.
    """

    def encode(self, password: str, salt: str | bytes) -> str:
        """Hash the normalized password; raises ServerBusy."""
        return self._encode(normalize_password(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the hash is of the password, normalized or, as in earlier versions, as typed."""
        return bool(super().verify(password, encoded)) or self.is_of_typed_form(password, encoded)

    def is_of_typed_form(self, password: str, encoded: str) -> bool:
        """Whether the hash is of the password as it was typed, where that isn't its normalized form."""
        if normalize_password(password) == password:
            return False
        algorithm, _, setting = encoded.partition("$")
        if algorithm != self.algorithm:
            self._encode(password, self.salt())  # the time must not show that there is no password
            return False
        return constant_time_compare(encoded, self._encode(password, setting.encode()))

    def _encode(self, password: str, salt: str | bytes) -> str:
        with hashing_slot():
            # django-stubs says str of what `salt()` returns as bytes.
            return _threads().submit(super().encode, password, salt).result()  # type: ignore[arg-type]


def simulate_password_check(password: str) -> None:
    """Take as long as the check of a wrong password does, for an account that doesn't exist."""
    hasher = get_hasher()
    with hashing_slot():
        hasher.encode(password, hasher.salt())
        hasher.is_of_typed_form(password, "")


def get_hasher() -> BCryptPasswordHasher:
    hasher = django_get_hasher()
    assert isinstance(hasher, BCryptPasswordHasher)  # noqa: S101 (for the type checker)  # nosec B101
    return hasher


def normalize_password(password: str) -> str:
    """The form of a password that is hashed, the same from every keyboard and system.

    RFC 8265, 4.2.2 (OpaqueString): other spaces become U+0020, then NFC; case and width stay as they are.
    """
    if password.isascii():
        return password
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    return unicodedata.normalize("NFC", spaced)


@contextlib.contextmanager
def hashing_slot() -> Iterator[None]:
    """Reserve a slot for hashing within the block; raises ServerBusy when all are taken. Nested blocks share one.

    Each caller blocks one of the process' threads: if all hashed, no other request would be answered. It never waits
    for a slot, so a caller that holds a database lock can't be part of a deadlock.
    """
    if _has_slot.get():
        yield
        return
    if not _slots.acquire(blocking=False):
        raise ServerBusy
    token = _has_slot.set(True)
    try:
        yield
    finally:
        _has_slot.reset(token)
        _slots.release()


def hash_many(passwords: Sequence[str]) -> list[str]:
    """The hashes of many passwords, in one slot; raises ServerBusy while this process hashes for another import.

    Only as many as there are cores are submitted at a time, so a sign-in is next after those.
    """
    if not passwords:
        return []
    if not _import_lock.acquire(blocking=False):
        raise ServerBusy
    try:
        with hashing_slot(), ThreadPoolExecutor(os.cpu_count()) as threads:
            # Each in a copy of this context, which has the slot.
            hashes = [threads.submit(copy_context().run, make_password, password) for password in passwords]
            return [hashed.result() for hashed in hashes]
    finally:
        _import_lock.release()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "hashing", initializer=_lower_priority)


def _lower_priority() -> None:
    if sys.platform == "linux":  # on other systems threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


# A child process has none of its parent's threads.
os.register_at_fork(after_in_child=_threads.cache_clear)
