"""The reason of a change, required where the settings say.

One loop for pages and one for the API walks the changes that can need a reason, without it and with it.
"""

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import get_resolver
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import create_key
from accounts.models import Exclusion, Role, RoleGrant, User
from accounts.roles.services import create_role
from audit.models import Action, AuditLog
from audit.recorded_command import option_first
from audit.services import build_event
from reprotech.api.viewsets import UNCHANGING
from reprotech.conf.required_reasons import ALL_PAIRS, REGULATED_PAIRS
from reprotech.core.change_reason import MISSING, NOT_ENCODED, TOO_LONG
from reprotech.core.request_context import RequestOrigin, change_reason, request_origin
from reprotech.route_access import all_routes
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, page_client
from reprotech.tests.support.mfa_devices import give_app
from reprotech.web.access import PUBLIC
from reprotech.web.reason_field import CHANGES_OF_FORMS
from reviews.models import Review, ReviewItem
from sso.models import Application

WHY = "Ticket 4711: Zoë's leave"
WHY_ENCODED = "Ticket%204711%3A%20Zo%C3%AB's%20leave"
SESSION = "00000000-0000-4000-8000-000000000000"


def last_event(**filters):
    return AuditLog.objects.filter(**filters).order_by("-pk").first()


def changing_calls():
    """Method and path of every API call for which one signs in."""
    return [
        (method.upper(), f"/{route.path}")
        for route in all_routes()
        if route.path.startswith("api/") and route.access
        for method, access in route.access.items()
        if method.upper() not in UNCHANGING and access != PUBLIC
    ]


def test_every_changing_call_reads_it(super_admin):
    """A reason that is none is refused before the view looks at anything, so that none can forget to read it."""
    calls = changing_calls()
    assert len(calls) > 30
    missed = []
    for method, path in calls:
        filled = re.sub(r"<int:\w+>", "999999999", re.sub(r"<uuid:\w+>", SESSION, path))
        answer = super_admin.call(method, filled, HTTP_X_REASON="100%")
        if answer.status_code != 400 or answer.json().get("errors") != {"reason": [NOT_ENCODED]}:
            missed.append((method, filled, answer.status_code))
    assert missed == []


@pytest.fixture
def things(cast):
    """What the changes of the tables below are about."""
    user = make_user("subject", "viewer", first_name="Sam", last_name="Subject")
    other = make_user("other", "viewer", first_name="Ole", last_name="Other")
    role = create_role(actor=SYSTEM, name="Courier", permissions=[])
    key = make_key(cast.super_admin, "Mine")
    return {"user": user.pk, "other": other.pk, "role": role.pk, "key": key, "me": cast.super_admin.pk}


def make_key(owner, name):
    with request_origin(RequestOrigin()):
        return create_key(actor=owner, user_id=owner.pk, name=name, scopes=[], expires_in_days=30).key.pk


USER = {"username": "newcomer", "email": "newcomer@lab.example", "first_name": "Nora", "last_name": "Newcomer"}
PROGRAM = {"name": "Notebook", "slug": "notebook", "kind": "public", "redirect_uris": ["https://n.lab.example/back"]}
EXCLUSION = {"name": "Two hats", "set_a": ["animal_create"], "set_b": ["animal_delete"], "mode": "refuse"}
REVIEW = {
    "name": "Viewers",
    "scope": {"roles": ["Viewer"]},
    "reviewers": ["the-super_admin"],
    "due": f"{timezone.now() + timedelta(30):%Y-%m-%d}",
}
NEW_PASSWORD = "Another-Horse-8"
#: In an order in which each can be done.
CALLS = [
    ("user:create", "POST", "/api/users", {**USER, "roles": ["viewer"]}),
    ("user:update", "PATCH", "/api/users/{user}", {"first_name": "Samira"}),
    ("user:role_assign", "PATCH", "/api/users/{user}", {"roles": ["viewer", "researcher"]}),
    ("user:role_revoke", "PATCH", "/api/users/{user}", {"roles": []}),
    ("user:lock", "POST", "/api/users/{user}/lock", {}),
    ("user:unlock", "POST", "/api/users/{user}/unlock", {}),
    ("user:password_reset", "POST", "/api/users/{user}/reset-password", {}),
    ("user:factor_reset", "DELETE", "/api/users/{user}/factors", None),
    ("user:delete", "DELETE", "/api/users/{user}", None),
    ("user:erase", "DELETE", "/api/users/{other}/personal-data", None),
    ("user:key_create", "POST", "/api/auth/keys", {"name": "Script", "scopes": []}),
    ("user:key_revoke", "DELETE", "/api/auth/keys/{key}", None),
    ("role:create", "POST", "/api/roles", {"name": "Porter", "permissions": []}),
    ("role:update", "PATCH", "/api/roles/{role}", {"description": "Carries"}),
    ("role:delete", "DELETE", "/api/roles/{role}", None),
    ("application:create", "POST", "/api/applications", PROGRAM),
    ("application:update", "PATCH", "/api/applications/{application}", {"name": "Notebooks"}),
    ("application:delete", "DELETE", "/api/applications/{application}", None),
    ("exclusion:create", "POST", "/api/exclusions", EXCLUSION),
    ("exclusion:update", "PATCH", "/api/exclusions/{exclusion}", {"mode": "warn"}),
    ("exclusion:delete", "DELETE", "/api/exclusions/{exclusion}", None),
    ("review:review_open", "POST", "/api/reviews", REVIEW),
    ("review:review_decide", "POST", "/api/reviews/{review}/items/{item}", {"decision": "keep"}),
    ("review:review_close", "POST", "/api/reviews/{review}/close", None),
    ("session:session_revoke", "DELETE", "/api/auth/sessions", None),
    (
        "user:password_change",
        "POST",
        "/api/auth/change-password",
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    ),
]


def test_the_api_asks_for_it_everywhere(super_admin, things, settings):
    assert {pair for pair, *_ in CALLS} == ALL_PAIRS
    give_app(User.objects.get(pk=things["user"]))
    Caller(User.objects.get(pk=things["me"])).signed_in  # noqa: B018 (one more session, to be ended)
    for pair, method, path, body in CALLS:
        settings.REASON_REQUIRED_FOR = frozenset({pair})
        for model in (Application, Exclusion, Review):
            things[model.__name__.lower()] = model.objects.values_list("pk", flat=True).first()
        things["item"] = ReviewItem.objects.values_list("pk", flat=True).first()
        before = AuditLog.objects.count()
        refused = super_admin.call(method, path.format(**things), body)
        answer = refused.json()
        assert "errors" in answer, (pair, answer)
        assert (refused.status_code, answer["code"], answer["errors"]) == (
            400,
            "reason_required",
            {"reason": [MISSING]},
        ), pair
        assert AuditLog.objects.count() == before, pair
        done = super_admin.call(method, path.format(**things), body, HTTP_X_REASON=WHY_ENCODED)
        assert done.status_code in {200, 201}, (pair, done.content)
        resource, action = pair.split(":")
        event = last_event(resource=resource, action=action)
        assert event.details["reason_given"] == WHY, pair


CSV = "username,email,first_name,last_name\nfirst.file,first@lab.example,First,File\n"
#: The same on pages: what is posted besides the reason, and the pages that have the field.
FORMS = [
    ("user:create", "/users/new", {**USER, "access": "invite", "roles": "viewer"}),
    ("user:update", "/users/{user}/edit", {**USER, "username": "subject", "email": "s@lab.example", "roles": "viewer"}),
    ("user:role_assign", "/users/{user}/roles", {"roles": ["viewer", "researcher"]}),
    ("user:role_revoke", "/users/{user}/roles", {"roles": []}),
    ("user:lock", "/users/{user}/lock", {}),
    ("user:unlock", "/users/{user}/unlock", {}),
    ("user:lock", "/users/selected/lock", {"user": ["{user}", "{other}"]}),
    ("user:unlock", "/users/selected/unlock", {"user": ["{user}", "{other}"]}),
    ("user:role_assign", "/users/selected/assign-role", {"user": ["{user}", "{other}"], "role": "manager"}),
    ("user:role_assign", "/users/{other}/grants/new", {"role": "researcher", "begins": "now", "ends": "weeks"}),
    ("user:role_revoke", "/users/selected/remove-role", {"user": ["{user}", "{other}"], "role": "manager"}),
    ("user:create", "/users/import/confirm", {"text": CSV}),
    ("user:password_reset", "/users/{user}/reset-password", {"access": "invite"}),
    ("user:update", "/users/{user}/deactivate", {}),
    ("user:delete", "/users/{user}/delete", {}),
    ("user:erase", "/users/{other}/delete", {"erase": "on"}),
    ("user:key_create", "/profile/keys/new", {"name": "Script", "expires_in_days": "30"}),
    ("user:key_revoke", "/profile/keys/{key}/revoke", {}),
    ("role:create", "/roles/new", {"name": "Porter"}),
    ("role:update", "/roles/{role}/edit", {"name": "Courier", "description": "Carries"}),
    ("role:delete", "/roles/{role}/delete", {}),
]


def filled(value, things):
    if isinstance(value, list):
        return [filled(each, things) for each in value]
    return value.format(**things) if isinstance(value, str) and value != CSV else value


def test_pages_ask_for_it_everywhere(cast, things, settings):
    client = page_client(cast.super_admin)
    for pair, path, data in FORMS:
        settings.REASON_REQUIRED_FOR = frozenset({pair})
        place = path.format(**things)
        sent = {name: filled(value, things) for name, value in data.items()}
        before = AuditLog.objects.count()
        # A form without the field: all that was sent stands in the question.
        asked = client.post(place, sent)
        assert (asked.status_code, AuditLog.objects.count()) == (422, before), (pair, asked.content.decode()[-3000:])
        page = asked.content.decode()
        assert "Reason for this change" in page, pair
        assert all(f'name="{name}"' in page for name in data), pair
        # With the field: the sentence stands at it.
        refused = client.post(place, {**sent, "reason": " "})
        assert (refused.status_code, AuditLog.objects.count()) == (422, before), pair
        page = refused.content.decode()
        assert 'id="id_reason_error"' in page, pair
        assert MISSING in page, pair
        done = client.post(place, {**sent, "reason": WHY})
        assert done.status_code in {200, 302}, (pair, done.content.decode()[-3000:])
        resource, action = pair.split(":")
        assert last_event(resource=resource, action=action).details["reason_given"] == WHY, pair


def test_what_was_typed_is_kept(cast, settings):
    settings.REASON_REQUIRED_FOR = frozenset({"user:create"})
    client = page_client(cast.super_admin)
    page = client.post("/users/new", {**USER, "access": "invite", "reason": "x" * 501}).content.decode()
    assert TOO_LONG in page
    assert 'href="#id_reason"' in page
    assert "x" * 501 in page
    assert 'value="newcomer@lab.example"' in page
    assert not User.objects.filter(username="newcomer").exists()


def test_forms_show_what_is_required(cast, settings):
    client, path = page_client(cast.super_admin), f"/users/{cast.viewer.pk}/lock"
    assert '<details class="reason-field">' in client.get(path).content.decode()
    settings.REASON_REQUIRED_FOR = REGULATED_PAIRS
    page = client.get(path).content.decode()
    assert 'aria-required="true"' in page
    assert "(optional)" not in page
    names = {pattern.name for pattern in iter_patterns(get_resolver())}
    assert set(CHANGES_OF_FORMS) <= names
    assert {pair for pairs in CHANGES_OF_FORMS.values() for pair in pairs} <= ALL_PAIRS


def iter_patterns(resolver):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from iter_patterns(pattern)
        else:
            yield pattern


def test_django_admin_asks_for_it(cast, settings):
    settings.REASON_REQUIRED_FOR = frozenset({"role:update", "role:delete", "user:lock"})
    client = page_client(cast.super_admin)
    role = create_role(actor=SYSTEM, name="Courier", permissions=[])
    form = {"name": "Courier", "description": "Carries", "version": role.version}
    for path, data, event in (
        (f"/admin/accounts/role/{role.pk}/change/", form, {"action": "update"}),
        (f"/admin/accounts/role/{role.pk}/delete/", {"post": "yes"}, {"action": "delete"}),
        ("/admin/accounts/user/", {"action": "lock", "_selected_action": cast.viewer.pk}, {"action": "lock"}),
    ):
        assert 'name="reason"' in client.get(path).content.decode(), path
        before = AuditLog.objects.count()
        refused = client.post(path, {**data, "reason": ""})
        assert (refused.status_code, AuditLog.objects.count()) == (422 if "change" not in path else 200, before), path
        assert MISSING in refused.content.decode(), path
        assert client.post(path, {**data, "reason": WHY}).status_code == 302, path
        assert last_event(**event).details["reason_given"] == WHY


def test_commands_ask_for_it(cast, settings):
    settings.REASON_REQUIRED_FOR = frozenset({"user:lock", "role:update"})
    name, before = cast.viewer.username, AuditLog.objects.count()
    with pytest.raises(CommandError, match=r"needs a reason\. Add --reason TEXT"):
        call_command("users", "lock", name)
    with pytest.raises(CommandError, match=f"--reason: {TOO_LONG}"):
        call_command("users", "lock", name, reason="x" * 501)
    assert AuditLog.objects.count() == before
    call_command("users", *option_first(["lock", name, "--reason", WHY]))
    assert last_event(action="lock").details["reason_given"] == WHY
    call_command("users", *option_first(["unlock", f"--reason={WHY}", name]))
    assert last_event(action="unlock").details["reason_given"] == WHY
    # Nobody stands by when the server prepares its database.
    Role.objects.filter(slug="viewer").update(description="Another")
    call_command("init_data")
    assert "reason_given" not in last_event(action="update", resource="role").details


def test_what_a_review_removes_has_its_reason(super_admin, cast, settings):
    settings.REASON_REQUIRED_FOR = REGULATED_PAIRS
    review = super_admin.post("/api/reviews", REVIEW).json()["review"]["id"]
    item = ReviewItem.objects.get(review=review, user=cast.viewer)
    body = {"decision": "remove", "reason": WHY}
    assert super_admin.post(f"/api/reviews/{review}/items/{item.pk}", body).status_code == 200
    assert last_event(action="role_revoke").details["reason_given"] == WHY
    # Each of several decisions has its own.
    with change_reason("Of the form"):
        assert build_event(actor=SYSTEM, action=Action.LOCK, resource="user").details == {"reason_given": "Of the form"}
        own = build_event(actor=SYSTEM, action=Action.LOCK, resource="user", reason_given="Of the line")
        assert own.details == {"reason_given": "Of the line"}


def test_a_grant_keeps_it(super_admin, cast):
    roles = {"roles": ["viewer", "researcher"], "reason": WHY}
    assert super_admin.patch(f"/api/users/{cast.viewer.pk}", roles).status_code == 200
    assert RoleGrant.objects.get(user=cast.viewer, role__slug="researcher").reason == WHY
