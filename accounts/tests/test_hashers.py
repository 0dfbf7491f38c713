"""Hashing passwords: the same by either library, and by threads that give way to requests."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, check_password, make_password

from accounts import hashers
from reprotech.testing import PASSWORD

needs_library = pytest.mark.skipif(hashers.system_hash() is None, reason="this system's libcrypt knows no bcrypt")

PASSWORDS = [PASSWORD, "", "a\0b", "pass\u00e9\U0001f9ec", "long " * 100]
ENDS_EARLY = "a\0c"


@pytest.mark.parametrize("password", PASSWORDS, ids=["usual", "empty", "zero byte", "wide", "long"])
def test_django_itself_accepts_the_hash_and_we_accept_its_own(password):
    own, djangos = hashers.BCryptPasswordHasher(), BCryptSHA256PasswordHasher()
    assert djangos.verify(password, own.encode(password, own.salt()))
    assert own.verify(password, djangos.encode(password, djangos.salt()))
    assert not own.verify(ENDS_EARLY, djangos.encode(password, djangos.salt()))


@needs_library
def test_the_systems_library_is_what_hashes_here():
    assert hashers.fastest_hash() is not bcrypt.hashpw
    salt = bcrypt.gensalt(4)
    assert hashers.system_hash()(b"abc", salt) == bcrypt.hashpw(b"abc", salt)


def test_a_library_that_makes_something_else_of_it_is_not_taken(monkeypatch):
    monkeypatch.setattr(hashers, "_fastest", None)
    monkeypatch.setattr(hashers, "system_hash", lambda: lambda _password, _salt: b"$2b$04$something else")
    assert hashers.fastest_hash() is bcrypt.hashpw


@pytest.mark.parametrize(
    "make",
    [pytest.param(hashers.system_hash(), id="system", marks=needs_library), pytest.param(bcrypt.hashpw, id="package")],
)
@pytest.mark.parametrize("salt", [b"", b"*0", b"$2b$", b"$2b$04$short", b"$1$other$"])
def test_what_is_no_salt_raises_and_is_never_compared(make, salt):
    with pytest.raises(ValueError, match="salt"):
        make(b"abc", salt)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priorities of their own")
def test_hashing_gives_way_and_nothing_else_does(monkeypatch):
    priorities = []

    def note(password, salt):
        priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return bcrypt.hashpw(password, salt)

    monkeypatch.setattr(hashers, "_fastest", note)
    usual = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert check_password("abc", make_password("abc"))
    assert priorities == [usual + hashers.NICENESS] * 2
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == usual


def test_many_at_once_get_each_their_own_answer():
    hashes = {word: make_password(word) for word in ("one", "two", "three")}
    asked = [(word, other) for word in hashes for other in hashes] * 5
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda pair: check_password(pair[0], hashes[pair[1]]), asked))
    assert answers == [word == other for word, other in asked]


def test_a_copy_of_a_process_that_has_hashed_can_hash():
    code = """
import os, signal
from django.conf import settings
settings.configure(PASSWORD_HASHERS=["accounts.hashers.BCryptPasswordHasher"], THREADS=16)
from accounts.hashers import BCryptPasswordHasher as Hasher
Hasher.rounds = 4
hasher = Hasher()
hashed = hasher.encode("abc", hasher.salt())
if os.fork() == 0:
    signal.alarm(20)
    os._exit(0 if hasher.verify("abc", hashed) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
