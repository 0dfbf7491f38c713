"""Passkeys, by the services: an answer is good for its site, its challenge, its user, and once."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from accounts.authentication.login import finish_sign_in, new_page_session, sign_in_to_pages, sign_in_with_passkey
from accounts.core.exceptions import InvalidCredentials, InvalidFactor, SecondFactorRequired
from accounts.mfa import services as mfa_services
from accounts.mfa import webauthn
from accounts.mfa.verification import passkey_assertion
from accounts.mfa.webauthn import Challenge
from accounts.models import Passkey, SpentOnce
from accounts.users import services as user_services
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.testing.cast import PASSWORD, at_once, audit_rows
from reprotech.tests.support.mfa_devices import Key, encoded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = "https://lab.example"


@pytest.fixture
def session(cast, origin):
    """A session that the Viewer opened a moment ago."""
    return sign_in_to_pages(identifier="the-viewer", password=PASSWORD)


def register(user, session, key, name="Key", **options):
    challenge = Challenge.new("registration")
    answer = key.register(webauthn.registration_options(user, user.passkeys.all(), challenge.value), **options)
    return mfa_services.add_passkey(actor=user, session_id=session.pk, name=name, answer=answer, challenge=challenge)


@pytest.fixture
def key(cast, session):
    """The Viewer's passkey."""
    key = Key()
    register(cast.viewer, session, key)
    return key


def asked(allowed=None):
    challenge = Challenge.new("alone")
    return challenge, webauthn.authentication_options(allowed, challenge.value)


def enter(key, **options):
    challenge, question = asked()
    return sign_in_with_passkey(answer=key.sign(question, **options), challenge=challenge)


def test_a_passkey_signs_in_by_itself(cast, key):
    with audit_rows() as rows:
        session = enter(key)
    assert session.user_id == cast.viewer.pk
    assert [(row.action, row.details) for row in rows] == [
        ("login", {"kind": "page", "roles": ["Viewer"], "method": "passkey", "factor": "passkey"})
    ]
    passkey = Passkey.objects.get()
    assert passkey.sign_count == 1
    assert passkey.last_used_at is not None


def test_a_first_passkey_brings_recovery_codes_and_a_second_does_not(cast, session):
    assert len(register(cast.viewer, session, Key())) == 10
    assert register(cast.viewer, session, Key()) == []
    assert cast.viewer.passkeys.count() == 2


WRONG = {
    "of another origin": {"origin": "https://evil.example"},
    "of another port": {"origin": "https://lab.example:8443"},
    "by who did not unlock it": {"flags": 0x01},
    "without anybody there": {"flags": 0x04},
    "without its user": {"userHandle": None},
    "of another user": {"userHandle": encoded(b"x" * 32)},
    "with another signature": {"signature": encoded(b"x" * 70)},
    "with nothing signed": {"authenticatorData": ""},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_opens_nothing(cast, key, case):
    before = cast.viewer.sessions.count(), SpentOnce.objects.count()
    with pytest.raises(InvalidFactor):
        enter(key, **WRONG[case])
    assert (cast.viewer.sessions.count(), SpentOnce.objects.count()) == before


def test_an_answer_for_another_site_opens_nothing(key):
    key.site = "evil.example"
    with pytest.raises(InvalidFactor):
        enter(key)


def test_an_answer_to_another_challenge_opens_nothing(key):
    _, question = asked()
    with pytest.raises(InvalidFactor):
        sign_in_with_passkey(answer=key.sign(question), challenge=Challenge.new("alone"))


def test_an_answer_is_good_once(cast, key):
    challenge, question = asked()
    answer = key.sign(question)
    sign_in_with_passkey(answer=answer, challenge=challenge)
    Passkey.objects.update(sign_count=0)  # it isn't the count that stops it
    with pytest.raises(InvalidFactor):
        sign_in_with_passkey(answer=answer, challenge=challenge)


def test_an_answer_that_comes_too_late_opens_nothing(key):
    challenge, question = asked()
    late = Challenge(challenge.value, challenge.purpose, timezone.now() - timedelta(seconds=1))
    with pytest.raises(InvalidFactor):
        sign_in_with_passkey(answer=key.sign(question), challenge=late)


def test_a_count_that_does_not_rise_is_refused(key, caplog):
    enter(key)
    key.count = 0
    with pytest.raises(InvalidFactor):
        enter(key)
    assert "did not rise" in caplog.text


def test_a_passkey_that_never_counts_is_fine(key):
    for _ in range(2):
        key.count = -1
        enter(key)


def test_a_locked_account_stays_locked(cast, key):
    user_services.lock_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    with pytest.raises(InvalidCredentials):
        enter(key)


def test_a_removed_passkey_opens_nothing(cast, key, session):
    mfa_services.remove_passkey(actor=cast.viewer, session_id=session.pk, passkey_id=Passkey.objects.get().pk)
    with pytest.raises(InvalidFactor):
        enter(key)


def test_after_the_password_a_key_that_unlocks_nothing_will_do_but_only_ones_own(cast, key):
    with pytest.raises(SecondFactorRequired) as required:
        sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
    assert required.value.kinds == ["passkey"]

    def finish(with_key):
        challenge, question = asked(cast.viewer.passkeys.all())
        check = passkey_assertion(with_key.sign(question, flags=0x01, userHandle=None), challenge)
        return finish_sign_in(
            mfa_token=required.value.mfa_token, verifier=check, session=new_page_session(remember=False)
        )

    theirs = Key()
    register(cast.manager, sign_in_to_pages(identifier="the-manager", password=PASSWORD), theirs)
    with pytest.raises(InvalidFactor):
        finish(theirs)
    assert finish(key).user_id == cast.viewer.pk


def test_a_passkey_is_registered_once_and_from_this_site(cast, key, session):
    with pytest.raises(Conflict):
        register(cast.viewer, session, key)
    with pytest.raises(ValidationFailed):
        register(cast.viewer, session, Key(), origin="https://evil.example")
    with pytest.raises(ValidationFailed):
        register(cast.viewer, session, Key(site="evil.example"))
    assert Passkey.objects.count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\u202eb", "a\x00b"])
def test_a_passkey_has_a_name_that_can_be_read(cast, session, name):
    with pytest.raises(ValidationFailed):
        register(cast.viewer, session, Key(), name=name)


def test_nobody_has_more_passkeys_than_a_page_shows(cast, session):
    for _ in range(mfa_services.MAX_PASSKEYS):
        register(cast.viewer, session, Key())
    with pytest.raises(Conflict):
        register(cast.viewer, session, Key())


@pytest.mark.django_db(transaction=True)
def test_an_answer_opens_one_session_of_requests_at_the_same_moment(cast, key):
    for _ in range(4):
        challenge, question = asked()
        Passkey.objects.update(sign_count=0)
        key.count = -1
        call = partial(sign_in_with_passkey, answer=key.sign(question), challenge=challenge)
        outcomes = at_once(*[call] * 6)
        assert sum(isinstance(outcome, InvalidFactor) for outcome in outcomes) == 5, outcomes
    connection.close()
