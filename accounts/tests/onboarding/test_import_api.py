"""The import of the API that updates: what it would do, what it did, and how it refuses."""

from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.onboarding.leavers import remember_people
from accounts.periods.grants import iso_time
from accounts.periods.validation import end_of_day, lab_day
from accounts.tests.users.test_user_files import errors_of, send
from audit.models import AuditLog
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller, error_of

FILE = """username,email,first_name,roles
newcomer,newcomer@lab.example,New,Viewer
the-viewer,,Vera,Researcher
the-stranger,,,
"""


@pytest.fixture
def listed(cast):
    people = [cast.viewer, cast.manager]
    remember_people("HR", [user.pk for user in people])
    return people


def test_a_dry_run_says_who_joins_changes_and_leaves(cast, admin, listed):
    with audit_rows() as rows:
        response = send(admin, FILE, "?mode=update&leavers=true&dry_run=true")
    ends_at = iso_time(end_of_day(lab_day(timezone.now())))
    assert (response.status_code, response.json()) == (
        200,
        {
            "created": 1,
            "changed": 1,
            "unchanged": 1,
            "ended": 1,
            "dry_run": True,
            "ignored_columns": [],
            "list": "HR",
            "people": 2,
            "needs_confirmation": True,
            "joiners": [
                {
                    "line": 2,
                    "username": "newcomer",
                    "email": "newcomer@lab.example",
                    "full_name": "New",
                    "roles": ["Viewer"],
                }
            ],
            "changes": [
                {
                    "line": 3,
                    "id": cast.viewer.pk,
                    "username": "the-viewer",
                    "changes": {"first_name": ["", "Vera"]},
                    "roles_added": ["Researcher"],
                    "roles_removed": ["Viewer"],
                }
            ],
            "leavers": [
                {
                    "id": cast.manager.pk,
                    "username": "the-manager",
                    "full_name": "the-manager",
                    "ends_at": ends_at,
                    "refusal": "",
                }
            ],
            "notes": [],
        },
    )
    assert [row.action for row in rows if row.action != "login"] == []
    assert not User.objects.filter(username="newcomer").exists()


def test_more_than_a_tenth_is_refused_until_the_number_is_repeated(cast, admin, listed):
    asked = "?mode=update&leavers=true"
    response = send(admin, FILE, asked)
    body = error_of(response)
    assert (response.status_code, body["code"], body["leavers"], body["people"]) == (409, "confirm_leavers", 1, 2)
    assert not User.objects.filter(username="newcomer").exists()
    assert send(admin, FILE, f"{asked}&confirm_leavers=2").status_code == 409
    response = send(admin, FILE, f"{asked}&confirm_leavers=1")
    assert (response.status_code, response.json()["ended"]) == (201, 1)
    again = send(admin, FILE, asked)
    assert again.status_code == 200
    assert {name: again.json()[name] for name in ("created", "changed", "ended")} == dict.fromkeys(
        ("created", "changed", "ended"), 0
    )


def test_who_is_kept_stays(cast, admin, listed):
    assert send(admin, FILE, "?mode=update&leavers=true&keep=The-Manager").json()["ended"] == 0
    assert User.objects.get(pk=cast.manager.pk).ends_at is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?mode=sync", "mode"),
        ("?leavers=true", "leavers"),
        ("?list=HR", "list"),
        ("?mode=update&confirm_leavers=3", "confirm_leavers"),
        ("?mode=update&keep=ada", "keep"),
        ("?mode=update&leavers=true&last_day=2026-02-30", "last_day"),
        ("?mode=update&leavers=true&last_day=2020-01-31", "last_day"),
        (f"?mode=update&list={'x' * 61}", "list"),
        ("?mode=update&list=a%00b", "list"),
        ("?mode=update&leavers=true&keep=nobody", "keep"),
        ("?mode=update&leavers=true&confirm_leavers=-1", "confirm_leavers"),
    ],
)
def test_choices_that_cannot_be_are_refused(cast, admin, query, field):
    assert set(errors_of(send(admin, FILE, query))) == {field}


def test_a_viewer_and_who_may_only_create_update_nobody(cast, make_role):
    make_role("Host", "user_create", "user_read")
    for user, missing in ((cast.viewer, "user_create"), (make_user("the-host", "Host"), "user_update")):
        response = send(Caller(user), FILE, "?mode=update")
        assert (response.status_code, error_of(response)["required"]) == (403, missing)
    assert User.objects.get(pk=cast.viewer.pk).first_name == ""


MAPPED = "Familie;Ruf;Post;Stelle\nVogt;Lena;lena@lab.example;Analystin\nThe;Viewer;the-viewer@lab.example;Leitung\n"
MAPPING = '{"Familie": "last_name", "Ruf": "first_name", "Post": "email", "Stelle": "roles"}'
WORDS = '{"analystin": ["Researcher"], "Leitung": []}'


def mapped(**params):
    return "?" + urlencode({"mapping": MAPPING, "role_words": WORDS, **params})


def test_a_mapping_and_words_for_roles_are_taken_and_usernames_proposed(cast, admin):
    response = send(admin, MAPPED, mapped(mode="update", dry_run="true"))
    body = response.json()
    assert body["joiners"] == [
        {
            "line": 2,
            "username": "lena.vogt",
            "email": "lena@lab.example",
            "full_name": "Lena Vogt",
            "roles": ["Researcher"],
        }
    ]
    # A word that means no role leaves the roles as they are.
    assert [(change["username"], change["roles_removed"]) for change in body["changes"]] == [("the-viewer", [])]
    assert send(admin, MAPPED, mapped(mode="update")).status_code == 201
    assert send(admin, MAPPED, mapped(mode="update")).json()["unchanged"] == 2
    new = MAPPED.splitlines()[0] + "\nVogt;Lena;lena2@lab.example;Analystin\n"
    file = SimpleUploadedFile("hr.csv", new.encode(), "text/csv")
    headers = {"HTTP_AUTHORIZATION": f"Bearer {admin.token}"}
    form = {"file": file, "mapping": MAPPING, "role_words": WORDS}
    response = Client().post("/api/users/import", form, **headers)
    assert response.json()["usernames"] == [{"line": 2, "username": "lena.vogt2"}]
    assert AuditLog.objects.filter(action="import").first().details["file"] == "hr.csv"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"mapping": "[1]"}, "mapping"),
        ({"mapping": '{"Familie": 1}'}, "mapping"),
        ({"mapping": '{"Familie": "shoes"}'}, "mapping"),
        ({"mapping": "[" * 5000}, "mapping"),
        ({"role_words": '{"a": [1]}'}, "role_words"),
        ({"day_order": "x"}, "day_order"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(cast, admin, params, field):
    assert set(errors_of(send(admin, MAPPED, mapped(**params)))) == {field}
