"""What goes wrong at the token endpoint without anybody's fault: nothing is granted, lost or recorded twice."""

import pytest

from reprotech.testing.cast import audit_rows
from sso.ending.services import end_lost_sign_ins
from sso.models import AppSignIn, SigningKey
from sso.tests.provider.test_hostile_token import assert_refused
from sso.tests.support.program import change

pytestmark = pytest.mark.django_db


def test_revoking_what_has_ended_leaves_its_reason_and_no_event(program, browser):
    tokens = program.tokens(browser)
    browser.post("/logout")
    assert end_lost_sign_ins() == 1
    with audit_rows() as rows:
        assert program.call("/oauth/revoke", token=tokens["refresh_token"]).status_code == 200
    assert AppSignIn.objects.get().end_reason == "logout"
    assert not rows


def test_a_key_that_cannot_be_read_grants_nothing_and_uses_nothing_up(program, browser):
    """As after a replaced SECRET_KEY: the answer says that it is ours, and the code is good once it is mended."""
    refresh_token = program.tokens(browser)["refresh_token"]
    code, key = program.code(browser), SigningKey.objects.get()
    change(key, private_key="gone")
    for response in (program.redeem(code), program.refresh(refresh_token)):
        assert_refused(response, "server_error", 503)
    change(key, private_key=key.private_key)
    assert program.redeem(code).status_code == 200
    assert program.refresh(refresh_token).status_code == 200
