"""The session cookie tells a finder nothing, not even decoded; one from before it was encrypted stays good."""

import base64
import zlib

import pytest
from django.conf import settings
from django.core import signing
from django.test import Client

from accounts.core.encryption import encrypt
from accounts.models import Session
from reprotech.testing.client import Caller, page_client

SALT = "django.contrib.sessions.backends.signed_cookies"
OLD, NEW = "old-" * 12, "new-" * 12


def profile(cookie):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return client.get("/profile").status_code


def test_no_name_stands_in_the_cookie_and_none_of_its_keys(cast):
    browser = page_client(cast.super_admin)
    # The message for the next page names a user.
    browser.post(f"/users/{cast.viewer.pk}/lock")
    session, value = browser.session, browser.cookies["reprotech_session"].value
    assert "the-viewer" in str(dict(session))
    content = base64.urlsafe_b64decode(value.partition(":")[0].lstrip(".") + "==")
    content = zlib.decompress(content) if value.startswith(".") else content
    assert not any(word in content for word in (b"the-viewer", b'"sid"', session["sid"].encode()))


def test_a_cookie_from_before_is_good(cast):
    session = dict(page_client(cast.viewer).session)
    assert profile(signing.dumps(session, salt=SALT, compress=True)) == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"[]", b"null", b'{"sid": 7, "user": []}', b'{"sid": ["x"], "user": {}}', b"\x80" * 90, b"\xff"],
)
def test_what_is_signed_and_makes_no_sense_is_no_session(cast, content):
    class Raw:
        def dumps(self, obj):
            return obj

    assert profile(signing.dumps(content, salt=SALT, serializer=Raw)) == 302


def test_what_was_encrypted_for_something_else_is_no_session(cast):
    class Other:
        def dumps(self, obj):
            return base64.urlsafe_b64decode(encrypt(signing.JSONSerializer().dumps(obj).decode(), "totp"))

    session = dict(page_client(cast.viewer).session)
    assert profile(signing.dumps(session, salt=SALT, serializer=Other)) == 302


def test_a_cookie_is_good_while_the_key_before_is_listed(cast, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    browser = page_client(cast.viewer)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert browser.get("/profile").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert browser.get("/profile").status_code == 302


def test_a_cookie_that_names_a_session_of_tokens_is_no_session(cast):
    """Of our own signature, as an error elsewhere or an old backup could make one."""
    page = dict(page_client(cast.viewer).session)
    session = Caller(cast.viewer).signed_in.session
    assert profile(signing.dumps({**page, "sid": str(session.pk)}, salt=SALT, compress=True)) == 302
    Session.objects.filter(pk=session.pk).update(kind=Session.Kind.PAGE)
    assert profile(signing.dumps({**page, "sid": str(session.pk)}, salt=SALT, compress=True)) == 200
