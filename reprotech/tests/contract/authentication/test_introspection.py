"""`POST /api/auth/introspect` (RFC 7662): what a lab module learns of the tokens that it is sent."""

import base64
from datetime import timedelta

import jwt
import pytest
from django.utils import timezone

from accounts import session_cache
from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import create_key, revoke_key
from accounts.models import ApiKey, Role, Session, User
from accounts.sessions.services import end_session
from accounts.users.services import delete_user, lock_user, update_user
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, error_of

PATH = "/api/auth/introspect"
FORM = "application/x-www-form-urlencoded"
INACTIVE = {"active": False}


@pytest.fixture
def module(cast):
    """A lab module with a key of its own, that may do nothing."""
    account = make_user("lims", password=None, is_service=True)
    text = create_key(actor=SYSTEM, user_id=account.pk, name="LIMS", scopes=[]).text

    def ask(token, **more):
        return Caller().post(PATH, {"token": token, **more}, HTTP_AUTHORIZATION=f"Bearer {text}")

    return ask


@pytest.fixture
def make_role(db):
    """A role of one's own that holds nothing."""
    return lambda name: Role.objects.create(name=name, slug=f"role-{name[:2]}")


def about(viewer):
    return {
        "active": True,
        "sub": str(viewer.pk),
        "username": "the-viewer",
        "user_id": viewer.pk,
        "is_service": False,
        "roles": ["Viewer"],
        "permissions": viewer.grants.ordered_permissions,
        "scope": " ".join(viewer.grants.ordered_permissions),
    }


def test_a_good_access_token_is_told_of(module, viewer):
    response = module(viewer.token)
    body = response.json()
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert body["exp"] - body["iat"] == 3600
    times = {"iat": body["iat"], "exp": body["exp"]}
    sid = str(viewer.signed_in.session.pk)
    assert body == {**about(viewer.user), **times, "token_type": "access_token", "sid": sid}


def test_a_good_key_is_told_of_with_its_scopes_alone(module, cast):
    made = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=["animal_read"])
    body = module(made.text).json()
    assert body == {
        **about(cast.viewer),
        "permissions": ["animal_read"],
        "scope": "animal_read",
        "iat": int(made.key.created_at.timestamp()),
        "exp": int(made.key.expires_at.timestamp()),
        "token_type": "api_key",
        "key": "Scale",
    }


def test_a_form_asks_as_well_as_json(viewer, admin):
    response = admin.call(
        "POST", PATH, f"token={viewer.token}&token_type_hint=access_token".encode(), CONTENT_TYPE=FORM
    )
    assert (response.status_code, response.json()["username"]) == (200, "the-viewer")


def test_a_client_of_rfc_7662_asks_with_its_key_as_password_and_fields_of_its_own(cast, viewer):
    account = make_user("lims", password=None, is_service=True)
    text = create_key(actor=SYSTEM, user_id=account.pk, name="LIMS", scopes=[]).text
    form = f"token={viewer.token}&token_type_hint=&ip_address=&client_id=lims&resource=https%3A%2F%2Fx".encode()

    def ask(credentials, content_type=FORM):
        basic = base64.b64encode(credentials.encode()).decode()
        return Caller().call("POST", PATH, form, HTTP_AUTHORIZATION=f"Basic {basic}", CONTENT_TYPE=content_type)

    for name in ("lims", "", "another%20name"):
        answer = ask(f"{name}:{text}", FORM.title())
        assert (answer.status_code, answer.json()["username"]) == (200, "the-viewer")
    assert ask(f"lims:{text.replace('_', '%5F')}").status_code == 200
    for wrong in (f"{text}:", f"lims:{text[:-1]}", f"lims:{viewer.token}", "lims", f"the-viewer:{PASSWORD}"):
        answer = ask(wrong)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="Reprotech"')
    garbled = Caller().call("POST", PATH, form, HTTP_AUTHORIZATION="Basic %%%", CONTENT_TYPE=FORM)
    assert garbled.status_code == 401
    basic = base64.b64encode(f"lims:{text}".encode()).decode()
    assert Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Basic {basic}").status_code == 401, "only here"


def test_json_names_no_field_that_is_unknown_and_null_counts_as_left_out(module, viewer):
    assert module(viewer.token, client_id="lims").status_code == 400
    assert module(viewer.token, ip_address=None, token_type_hint=None).json()["active"] is True


@pytest.mark.parametrize("letter", ["\u0639", "\u0436", "\U00020000"], ids=["arabic", "cyrillic", "four bytes"])
def test_a_token_with_sixteen_long_names_of_roles_is_taken_by_every_call_and_a_proxy(module, cast, letter, make_role):
    names = [f"{n:02} ".ljust(80, letter) for n in range(16)]
    user = make_user("many", *[make_role(name).name for name in names])
    token = Caller(user).token
    assert claims_of(token)["roles"] == names
    # nginx and others limit a line to 8 KB unless told otherwise.
    assert len(f"Authorization: Bearer {token}\r\n") < 8192
    assert module(token).json()["roles"] == names
    form = f"token={token}".encode()
    assert Caller(user).call("POST", PATH, form, CONTENT_TYPE=FORM).json()["roles"] == names


def test_tokens_up_to_64_kilobytes_are_looked_at(module):
    assert module("x" * 65_536).json() == INACTIVE
    assert module("x" * 65_537).status_code == 400


@pytest.mark.parametrize(
    "body", [b"", b"token=", b"token=a&token=b", b"token=%FF", b"t=1", b"token=\xff", b"a=b&" * 30]
)
def test_a_form_that_makes_no_sense_is_refused(admin, body):
    assert admin.call("POST", PATH, body, CONTENT_TYPE=FORM).status_code == 400


def test_another_kind_of_body_is_refused(admin):
    response = admin.call("POST", PATH, b"<token/>", CONTENT_TYPE="text/xml")
    assert response.status_code == 415
    assert error_of(response)["error"] == "Send the body as JSON or as a form."


def test_a_stranger_learns_nothing(anonymous, viewer):
    assert anonymous.post(PATH, {"token": viewer.token}).status_code == 401


@pytest.mark.parametrize(
    "spoil",
    [
        lambda viewer: end_session(actor=viewer.user, session_id=viewer.signed_in.session.pk),
        lambda viewer: lock_user(actor=SYSTEM, user_id=viewer.user.pk),
        lambda viewer: delete_user(actor=SYSTEM, user_id=viewer.user.pk),
        lambda viewer: Session.objects.filter(user=viewer.user).update(expires_at=timezone.now()),
    ],
    ids=["ended", "locked", "deleted", "expired"],
)
def test_an_access_token_that_is_good_no_longer_is_inactive_and_nothing_more(module, viewer, spoil):
    token = viewer.token
    spoil(viewer)
    assert module(token).json() == INACTIVE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: revoke_key(actor=key.user, user_id=key.user_id, key_id=key.pk),
        lambda key: ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now()),
        lambda key: update_user(actor=SYSTEM, user_id=key.user_id, is_active=False),
        lambda key: delete_user(actor=SYSTEM, user_id=key.user_id),
    ],
    ids=["revoked", "expired", "deactivated", "deleted"],
)
def test_a_key_that_is_good_no_longer_is_inactive(module, cast, spoil):
    made = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=[])
    spoil(made.key)
    assert module(made.text).json() == INACTIVE


def test_what_is_no_access_token_or_key_is_inactive(module, viewer):
    for token in (viewer.signed_in.pair.refresh_token, "x", "rpt_x", viewer.token[:-2], "é"):
        assert module(token).json() == INACTIVE


def test_a_key_that_is_limited_to_addresses_is_active_only_from_those(module, cast):
    made = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=[], addresses=["198.51.100.0/24"])
    assert module(made.text).json() == INACTIVE
    assert module(made.text, ip_address="203.0.113.1").json() == INACTIVE
    assert module(made.text, ip_address="198.51.100.1").json()["active"] is True
    assert module(made.text, ip_address="nowhere").status_code == 400


def test_asking_extends_nothing(module, viewer, cast):
    made = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=[])
    token = viewer.token
    idle = timezone.now() - timedelta(hours=1)
    Session.objects.update(last_used_at=idle)
    assert module(token).json()["active"] is module(made.text).json()["active"] is True
    assert set(Session.objects.values_list("last_used_at", flat=True)) == {idle}
    assert ApiKey.objects.get(pk=made.key.pk).last_used_at is None


@pytest.mark.parametrize("required", ["must_change_password", "must_add_factor"])
def test_tokens_and_keys_are_inactive_while_something_is_required_of_their_owner(module, cast, required):
    made = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=["animal_read"])
    token = Caller(cast.viewer).token
    assert module(token).json()["active"] is module(made.text).json()["active"] is True
    require(cast.viewer, required)
    assert module(token).json() == module(made.text).json() == INACTIVE


@pytest.mark.parametrize("required", ["must_change_password", "must_add_factor"])
def test_while_something_is_required_no_token_names_a_role_and_no_answer_a_permission(cast, required):
    viewer = Caller(cast.viewer)
    assert claims_of(viewer.token)["roles"] == ["Viewer"]
    require(cast.viewer, required)
    renewed = Caller().post("/api/auth/refresh", {"refresh_token": viewer.signed_in.pair.refresh_token}).json()
    assert claims_of(renewed["access_token"])["roles"] == []
    assert renewed["user"]["permissions"] == []
    me = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {renewed['access_token']}").json()
    assert (me[required], me["roles"], me["permissions"]) == (True, ["Viewer"], [])


@pytest.mark.parametrize("required", ["must_change_password", "must_add_factor"])
def test_a_key_opens_nothing_while_something_is_required_of_its_owner(cast, required):
    made = create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="Scale", scopes=["animal_read"])
    require(cast.viewer, required)
    response = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {made.text}")
    code = {"must_change_password": "password_change_required", "must_add_factor": "second_factor_setup_required"}
    assert (response.status_code, response.json()["code"]) == (403, code[required])


def require(user, required):
    User.objects.filter(pk=user.pk).update(**{required: True})
    session_cache.invalidate_users([user.pk])


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})
