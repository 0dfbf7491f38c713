"""`/api/access`: who had access, as the contract has it (6.3)."""

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from accounts.models import Role
from accounts.roles import services as role_services
from accounts.users import services as user_services
from accounts.users.erasure import erase_personal_data
from audit.models import AuditLog
from audit.sealing.sealer import Sealer, latest_checkpoint
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import TIME, Caller, error_of

pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


def ask(caller, **query):
    query = {"at": now().isoformat(), **query} if "on" not in query else query
    return caller.get(f"/api/access?{urlencode(query)}")


def found(caller, **query):
    response = ask(caller, **query)
    assert response.status_code == 200, response.content
    return response.json()


def names(answer):
    return [user["username"] for user in answer["users"]]


def test_a_moment_has_the_contracts_members_and_the_checkpoint(super_admin, cast):
    Sealer().seal()
    checkpoint = latest_checkpoint()
    answer = found(super_admin, user=cast.viewer.username)
    assert {name: value for name, value in answer.items() if name != "users"} == {
        "at": TIME,
        "on": None,
        "checkpoint": {"size": checkpoint.size, "root": checkpoint.note.split("\n")[2]},
        "unsealed": 0,
        "complete_to": None,
        "total": 1,
        "page": 1,
        "per_page": 10,
        "pages": 1,
    }
    (user,) = answer["users"]
    (grant,) = user.pop("role_grants")
    made = AuditLog.objects.get(resource="user", action="create", resource_id=str(cast.viewer.pk))
    assert user == {
        "id": cast.viewer.pk,
        "username": "the-viewer",
        "full_name": cast.viewer.full_name,
        "status": "active",
        "roles": ["Viewer"],
        "permissions": sorted(Role.objects.get(slug="viewer").permissions.values_list("name", flat=True)),
        "since": TIME,
        "granted_by": "system",
        "from": None,
        "until": None,
        "events": user["events"],
    }
    assert made.pk in user["events"]
    assert grant == {"role": "Viewer", "since": TIME, "until": None, "granted_by": "system", "event": made.pk}


def test_everyone_is_there_by_their_numbers_and_pages_follow(super_admin, cast):
    everyone = [user["id"] for user in found(super_admin, per_page=100)["users"]]
    assert everyone == sorted(everyone)
    assert {cast.viewer.pk, cast.stranger.pk, cast.super_admin.pk} <= set(everyone)
    answer = found(super_admin, per_page=3, page=2)
    assert [user["id"] for user in answer["users"]] == everyone[3:6]
    assert (answer["total"], answer["page"], answer["pages"]) == (len(everyone), 2, -(-len(everyone) // 3))
    assert found(super_admin, page=1_000)["users"] == []


def test_what_was_so_stays_so_after_changes_renames_deletion_and_erasure(super_admin, cast):
    admin = cast.super_admin
    role = role_services.create_role(actor=admin, name="Night shift", description="", permissions=["sample_read"])
    person = make_user("ana.night", "Night shift", first_name="Ana", last_name="Night")
    before = now()
    then = found(super_admin, at=before.isoformat(), user="ana.night")
    user_services.update_user(actor=admin, user_id=person.pk, username="ana.day", first_name="Anna", roles=["Viewer"])
    role_services.update_role(actor=admin, role_id=role.pk, name="Dark shift", permissions=["animal_read"])
    user_services.lock_user(actor=admin, user_id=person.pk)
    between = now()
    user_services.delete_user(actor=admin, user_id=person.pk)
    role_services.delete_role(actor=admin, role_id=role.pk)

    (shown,) = then["users"]
    # Meanwhile it is known when the grant ended.
    assert shown["role_grants"][0].pop("until") is None
    for typed in ("ana.night", "ana.day", str(person.pk)):
        (again,) = found(super_admin, at=before.isoformat(), user=typed)["users"]
        assert again["role_grants"][0].pop("until") == TIME
        assert again == shown
    assert (shown["full_name"], shown["roles"], shown["permissions"]) == ("Ana Night", ["Night shift"], ["sample_read"])
    later = found(super_admin, at=between.isoformat(), user="ana.night")["users"][0]
    assert (later["username"], later["full_name"], later["status"]) == ("ana.day", "Anna Night", "locked")
    assert later["roles"] == ["Viewer"]
    assert found(super_admin, user="ana.night")["users"] == []
    for name in ("Night shift", "night SHIFT", "Dark shift"):
        assert names(found(super_admin, at=before.isoformat(), role=name)) == ["ana.night"]
    assert names(found(super_admin, at=before.isoformat(), permission="sample_read", role="Night shift")) == [
        "ana.night"
    ]
    assert names(found(super_admin, at=before.isoformat(), permission="animal_read", role="Night shift")) == []


def test_erased_people_stay_countable_and_nameless(super_admin, cast):
    person = make_user("ana.night", "Viewer", first_name="Ana", last_name="Night")
    before = now()
    (shown,) = found(super_admin, at=before.isoformat(), user="ana.night")["users"]
    erase_personal_data(actor=cast.super_admin, user_id=person.pk)
    (erased,) = found(super_admin, at=before.isoformat(), user=str(person.pk))["users"]
    assert (erased["username"], erased["full_name"]) == ("", f"an erased person (#{person.pk})")
    assert (erased["roles"], erased["permissions"]) == (shown["roles"], shown["permissions"])
    assert found(super_admin, at=before.isoformat(), role="viewer")["total"] == 2
    assert ask(super_admin, user="ana.night").status_code == 400


def test_a_day_has_everyone_who_had_it_at_any_moment(super_admin, cast, settings, one_day):
    settings.LAB_TIME_ZONE = "UTC"
    person = make_user("short.visit", "Viewer")
    user_services.lock_user(actor=cast.super_admin, user_id=person.pk)
    user_services.update_user(actor=cast.super_admin, user_id=person.pk, roles=["Researcher"])
    today = now().date()
    answer = found(super_admin, on=today.isoformat(), user="short.visit")
    (user,) = answer["users"]
    assert (answer["at"], answer["on"]) == (None, today.isoformat())
    assert (user["status"], user["roles"]) == ("active", ["Researcher", "Viewer"])
    assert (user["from"], user["until"]) == (TIME, TIME)
    assert user["from"] < user["until"]
    assert {grant["role"]: grant["until"] for grant in user["role_grants"]} == {"Viewer": TIME, "Researcher": None}
    (locked,) = found(super_admin, on=today.isoformat(), user="short.visit", status="locked")["users"]
    assert (locked["status"], locked["from"], locked["until"]) == ("locked", user["until"], None)
    # Who was a Viewer was so while active, and a Researcher only while locked.
    day = today.isoformat()
    assert "short.visit" in names(found(super_admin, on=day, role="viewer", status="active", per_page=100))
    assert "short.visit" not in names(found(super_admin, on=day, role="researcher", status="active", per_page=100))


def test_roles_are_found_by_slug_and_permissions_by_name(super_admin, cast):
    assert names(found(super_admin, role="lab_technician")) == [cast.lab_technician.username]
    holders = names(found(super_admin, permission="lab_test_approve"))
    assert cast.manager.username in holders
    assert cast.viewer.username not in holders


LATER = f"{now() + timedelta(days=2):%Y-%m-%d}"


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("", "at", "Give a moment as `at`, such as 2026-03-03T12:00:00Z, or a day as `on`."),
        ("at=2026-03-03T12:00:00Z&on=2026-03-03", "on", "Give either `at` or `on`, not both."),
        ("at=2026-03-03", "at", "Give a moment with its time zone, such as 2026-03-03T12:00:00Z."),
        ("at=2026-03-03T12:00:00", "at", "Give a moment with its time zone, such as 2026-03-03T12:00:00Z."),
        ("at=2026-02-30T12:00:00Z", "at", "Give a moment with its time zone, such as 2026-03-03T12:00:00Z."),
        ("at=0001-01-01T00:00:00%2B14:00", "at", "Give a year from 1900 to 2999."),
        ("at=9999-12-31T23:59:59-14:00", "at", "Give a year from 1900 to 2999."),
        (f"at={LATER}T00:00:00Z", "at", "This moment hasn't come yet: the history knows what was, until now."),
        (f"on={LATER}", "on", "This day hasn't come yet: the history knows what was, until now."),
        ("on=2026-02-30", "on", "Give a day that exists, such as 2026-03-03."),
        ("on=20260303", "on", "Give a day that exists, such as 2026-03-03."),
        ("on=9999-12-31", "on", "Give a year from 1900 to 2999."),
        ("at={now}&role=nonsense", "role", "There is no role of this name, and there was none."),
        ("at={now}&user=nobody.at.all", "user", "There is no account of this name or number, and there was none."),
        ("at={now}&user=999999999", "user", "There is no account of this name or number, and there was none."),
        (
            "at={now}&permission=Sample_Read",
            "permission",
            "There is no permission of this name, and there was none.",
        ),
        ("at={now}&status=gone", "status", "Give one of: active, locked, inactive, pending, ended."),
        ("at={now}&per_page=101", "per_page", "Give a whole number from 1 to 100."),
        ("at={now}&format=xlsx", "format", "Give one of: json, csv, bundle."),
        ("at={now}&format=csv&page=2", "page", "A file has all of the answer: leave this out."),
        ("at={now}&bom=true", "bom", "Only CSV begins with a byte order mark."),
        ("at={now}&unit=3", "unit", "There is no such parameter."),
        ("at={now}&at={now}", "at", "Give it once only."),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(super_admin, cast, query, field, sentence):
    moment = f"{now():%Y-%m-%dT%H:%M:%SZ}"
    response = super_admin.get(f"/api/access?{query.format(now=moment)}")
    assert response.status_code == 400
    refusal = error_of(response)
    assert (refusal["code"], refusal["errors"][field]) == ("invalid", [sentence])


def test_before_the_first_event_nothing_is_known(super_admin, cast):
    refusal = error_of(ask(super_admin, on="2001-02-03"))
    assert refusal["errors"]["on"][0].startswith("The log begins on ")
    assert ask(super_admin, at="2001-02-03T00:00:00Z").status_code == 400


def test_it_needs_both_permissions_and_a_refusal_is_on_record(cast):
    for missing, held in (("user_read", "audit_read"), ("audit_read", "user_read")):
        role = f"Half {held}"
        role_services.create_role(actor=cast.super_admin, name=role, description="", permissions=[held])
        with audit_rows() as rows:
            response = ask(Caller(make_user(f"half.{held.partition('_')[0]}", role)))
        assert (response.status_code, error_of(response)["required"]) == (403, missing)
        assert (rows[-1].action, rows[-1].details["required"]) == ("access_denied", missing)


def test_csv_has_all_of_it_is_safe_to_open_and_on_record(super_admin, cast):
    make_user("formula", "Viewer", first_name="=1+1", last_name="Sheet")
    with audit_rows() as rows:
        response = ask(super_admin, format="csv", role="viewer")
        body = b"".join(response.streaming_content).decode()
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(body)))
    shown = found(super_admin, role="viewer", per_page=100)["users"]
    assert [line["username"] for line in lines] == [user["username"] for user in shown]
    assert lines[-1]["full_name"] == "'=1+1 Sheet"
    assert lines[0]["roles"] == "Viewer"
    assert lines[0]["permissions"] == ";".join(shown[0]["permissions"])
    assert lines[0]["events"] == " ".join(map(str, shown[0]["events"]))
    assert lines[0]["since"] == shown[0]["since"]
    event = rows[-1]
    assert (event.action, event.resource, event.details["format"], event.details["rows"]) == (
        "export",
        "access",
        "csv",
        len(lines),
    )
    assert event.details["filters"]["role"] == "viewer"


def test_events_that_no_checkpoint_covers_are_counted(super_admin, cast):
    Sealer().seal()
    person = make_user("brand.new", "Viewer")
    assert found(super_admin, user=str(person.pk))["unsealed"] == 1
    Sealer().seal()
    assert found(super_admin, user=str(person.pk))["unsealed"] == 0
