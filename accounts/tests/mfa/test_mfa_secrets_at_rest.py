"""What is kept of second factors: nothing that opens an account, in the database, in audit rows or in the log."""

import pytest
from django.db import connection

from accounts.authentication.login import sign_in_with_tokens
from accounts.core.exceptions import InvalidFactor
from accounts.mfa.recovery_codes import hash_code
from accounts.models import RecoveryCode, TotpKey, User
from reprotech.testing.cast import PASSWORD, audit_rows
from reprotech.tests.support.mfa_devices import give_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(cast, origin):
    """The Viewer's authenticator app."""
    return give_app(cast.viewer)


def sign_in(otp):
    return sign_in_with_tokens(identifier="the-viewer", password=PASSWORD, otp=otp)


def test_neither_keys_nor_recovery_codes_stand_in_the_database(cast, app):
    (stored,) = TotpKey.objects.values_list("sealed_key", flat=True)
    assert app.key not in stored
    hashes = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert hashes == {hash_code(code) for code in app.recovery_codes}
    everything = "\n".join(dump())
    assert stored in everything
    for secret in (app.key, *app.recovery_codes, *(code.replace("-", "") for code in app.recovery_codes)):
        assert secret not in everything


def dump():
    """Every value in every table, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (our own tables)
            yield from (str(value) for row in cursor.fetchall() for value in row)


def test_no_secret_reaches_the_log(app, caplog):
    caplog.set_level("DEBUG")
    used = [app.code(), app.recovery_codes[0], app.wrong_code()]
    with audit_rows() as rows:
        for otp in used[:2]:
            sign_in(otp)
        with pytest.raises(InvalidFactor):
            sign_in(used[2])
    text = caplog.text + " ".join(str(vars(row)) for row in rows)
    assert "the-viewer" in text
    assert not [secret for secret in (app.key, *app.recovery_codes, *used) if secret in text]


def test_a_key_that_was_copied_to_another_user_opens_nothing(cast, app):
    TotpKey.objects.filter(user=cast.viewer).update(user=cast.manager)
    User.objects.filter(pk=cast.manager.pk).update(factor_kinds="totp")
    with pytest.raises(InvalidFactor):
        sign_in_with_tokens(identifier="the-manager", password=PASSWORD, otp=app.code())


def test_a_key_survives_a_new_secret_key_and_moves_to_it(cast, app, settings):
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-key-" * 5, [old]
    sign_in(app.code())
    settings.SECRET_KEY_FALLBACKS = []
    sign_in(app.code(ahead=1))


def test_a_key_whose_secret_key_is_gone_opens_nothing(cast, app, settings):
    settings.SECRET_KEY = "another-key-" * 5
    with pytest.raises(InvalidFactor):
        sign_in(app.code())
    sign_in(app.recovery_codes[0])
