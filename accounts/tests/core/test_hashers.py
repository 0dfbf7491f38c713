"""Hashing passwords: the same as Django does, and by threads that give way to requests."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, check_password, make_password

from accounts.core import hashers
from reprotech.testing.cast import PASSWORD

pytestmark = pytest.mark.only_on("sqlite")  # hashing asks no database

PASSWORDS = [PASSWORD, "", "a\0b", "pass\u00e9\U0001f9ec", "long " * 100]
ENDS_EARLY = "a\0c"


@pytest.mark.parametrize("password", PASSWORDS, ids=["usual", "empty", "zero byte", "wide", "long"])
def test_django_itself_accepts_the_hash_and_we_accept_its_own(password):
    own, djangos = hashers.BCryptPasswordHasher(), BCryptSHA256PasswordHasher()
    assert djangos.verify(password, own.encode(password, own.salt()))
    assert own.verify(password, djangos.encode(password, djangos.salt()))
    assert not own.verify(ENDS_EARLY, djangos.encode(password, djangos.salt()))


def test_a_hash_that_libcrypt_made_for_an_earlier_version_still_verifies():
    hasher = hashers.BCryptPasswordHasher()
    stored = "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuNTOH9K.d5wLn.DsgZWKc33n3iMUYI8O"
    assert hasher.verify("pass\u00e9\U0001f9ec a\0b", stored)
    assert not hasher.verify("pass\u00e9\U0001f9ec a\0c", stored)
    assert not hasher.must_update(stored)


@pytest.mark.parametrize("salt", ["", "*0", "$2b$", "$2b$04$short", "$1$other$"])
def test_what_is_no_salt_raises_and_is_never_compared(salt):
    with pytest.raises(ValueError, match="salt"):
        hashers.BCryptPasswordHasher().verify("abc", f"bcrypt_sha256${salt}")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priorities of their own")
def test_hashing_gives_way_and_nothing_else_does(monkeypatch):
    priorities, real = [], bcrypt.hashpw

    def note(password, salt):
        priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return real(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", note)
    monkeypatch.setattr(hashers, "_pool", None)  # the tests' own has the usual priority
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
settings.configure(PASSWORD_HASHERS=["accounts.core.hashers.BCryptPasswordHasher"], THREADS=16)
from accounts.core.hashers import BCryptPasswordHasher as Hasher
Hasher.rounds = 4
hasher = Hasher()
hashed = hasher.encode("abc", hasher.salt())
if os.fork() == 0:
    signal.alarm(20)
    os._exit(0 if hasher.verify("abc", hashed) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
