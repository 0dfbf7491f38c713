"""Erasing a person never alters what events tell of other people, whatever the person was called."""

import pytest

from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import create_key
from accounts.models import ApiKey, OutgoingMail, Session, User
from accounts.passwords.services import send_password_reset
from accounts.roles.services import create_role, update_role
from accounts.users import services as user_services
from accounts.users.erasure import erase_personal_data
from audit.models import Action, AuditLog
from audit.presentation.event_text import sentence
from audit.sealing.sealer import Sealer
from audit.services import record
from audit.verification.verifier import Verification
from reprotech.core.exceptions import Forbidden
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing.cast import make_user
from reprotech.testing.client import Caller, page_client

STRANGER = RequestOrigin(ip_address="198.51.100.9", user_agent="Attack/1", request_id="r1")
EXPORTS = [
    {"action": "login", "outcome": "failure"},
    {"action": "password_reset"},
    {"resource": "lab_test"},
    {"role": "lab_technician", "search": "viewers"},
    {"role": "viewer"},
    {"role": "tech"},
    {"search": "the lab of tech"},
    {"user": "login.other"},
    {"search": "anna"},
]


def exported(**filters):
    return record(actor=SYSTEM, action=Action.EXPORT, resource="audit", filters=filters)


def filters_of(event):
    return AuditLog.objects.get(pk=event.pk).details["filters"]


@pytest.mark.parametrize("name", ["login", "viewer", "password_reset", "lab", "tech"])
def test_what_others_looked_for_stays_unless_it_is_exactly_this_person(cast, name):
    earlier = exported(user=name)
    user = make_user(name, first_name="Anna", last_name="Lab")
    events = [exported(**filters) for filters in EXPORTS]
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert [filters_of(event) for event in events] == EXPORTS
    assert filters_of(earlier) == {"user": name}, "nobody had this name then"


@pytest.mark.parametrize(
    "filters",
    [{"user": "QUILL"}, {"user_contains": "Ada Quill"}, {"search": "quill@lab.example"}, {"search": " ada  QUILL"}],
)
def test_what_is_exactly_this_person_goes_and_the_other_filters_stay_on_record(cast, filters):
    user = make_user("quill", first_name="Ada", last_name="Quill")
    alone, with_others = exported(**filters), exported(**filters, action="lock", outcome="success")
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert (filters_of(alone), filters_of(with_others)) == (None, None)
    erasure = AuditLog.objects.get(action=Action.ERASE)
    assert erasure.details["filters"] == {str(with_others.pk): {"action": "lock", "outcome": "success"}}


def test_what_an_erasure_kept_of_others_is_erased_for_them_alone(cast):
    one, other = make_user("one"), make_user("other")
    event = exported(user="one", search="other")
    apart = exported(user="one", search="someone")
    erase_personal_data(actor=cast.admin, user_id=one.pk)
    erase_personal_data(actor=cast.admin, user_id=other.pk)
    assert filters_of(event) is None
    first, second = AuditLog.objects.filter(action=Action.ERASE).order_by("pk")
    assert first.details["filters"] is None
    assert second.details["filters"] == {str(apart.pk): {"search": "someone"}}
    Sealer().seal()
    assert list(Verification().findings()) == []


def test_a_name_that_two_people_have_is_no_identifier(cast):
    user = make_user("one", first_name="Anna", last_name="Li")
    make_user("two", first_name="Anna", last_name="Li")
    event = exported(search="Anna Li")
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert filters_of(event) == {"search": "Anna Li"}


def test_refused_sign_ins_stay_as_they_were_from_before_the_name_was_this_persons(cast):
    with request_origin(STRANGER):
        Caller().post("/api/auth/login", {"username": "backup", "password": "wrong"})
    before = AuditLog.objects.latest("pk")
    user = make_user("backup")
    user_services.update_user(actor=cast.admin, user_id=user.pk, username="backup.two")
    Caller().post("/api/auth/login", {"username": "backup", "password": "wrong"})
    after = AuditLog.objects.latest("pk")
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert [AuditLog.objects.get(pk=row.pk).username for row in (before, after)] == ["backup", ""]


def test_who_did_what_to_whom_can_still_be_counted(cast, make_role):
    make_role("Remover", "user_read", "user_delete")
    puppet = make_user("puppet", "Remover")
    victims = [make_user(name) for name in ("victim.one", "victim.two")]
    for victim in victims:
        Caller(puppet).delete(f"/api/users/{victim.pk}")
    erase_personal_data(actor=cast.admin, user_id=puppet.pk)
    done = AuditLog.objects.filter(user_id=puppet.pk, action=Action.DELETE).order_by("pk")
    assert [row.resource_name for row in done] == ["victim.one", "victim.two"]
    assert sentence(done[0]) == f"An erased person (user {puppet.pk}) deleted the user victim.one"
    found = Caller(cast.admin).get(f"/api/audit?user=erased:{puppet.pk}&action=delete").json()
    assert [row["resource_name"] for row in found["logs"]] == ["victim.two", "victim.one"]


def test_erasing_who_is_deleted_takes_what_they_held(cast):
    held = create_role(actor=SYSTEM, name="Keeper", permissions=["settings_update"])
    keeper, manager = make_user("keeper", "Keeper"), make_user("manager.two", "manager")
    for user in (keeper, manager):
        user_services.delete_user(actor=SYSTEM, user_id=user.pk)
    erase_personal_data(actor=cast.admin, user_id=manager.pk)
    with pytest.raises(Forbidden) as denial:
        erase_personal_data(actor=cast.admin, user_id=keeper.pk)
    assert denial.value.required == "settings_update"
    update_role(actor=SYSTEM, role_id=held.pk, name="Renamed", permissions=[])
    with pytest.raises(Forbidden):  # nobody can tell any more what it took
        erase_personal_data(actor=cast.admin, user_id=keeper.pk)
    erase_personal_data(actor=cast.super_admin, user_id=keeper.pk)
    assert User.objects.get(pk=keeper.pk).username == f"erased:{keeper.pk}"


def test_ended_sessions_of_a_namesake_of_long_ago_stay(cast):
    event = record(actor=SYSTEM, action=Action.SESSION_REVOKE, resource="session", resource_name="late")
    user = make_user("late")
    Session.objects.filter(user=user).delete()
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert AuditLog.objects.get(pk=event.pk).resource_name == "late"


def test_erasing_who_is_deleted_takes_a_password_typed_a_moment_ago(cast):
    user = make_user("gone")
    user_services.delete_user(actor=SYSTEM, user_id=user.pk)
    browser = page_client(cast.super_admin)
    Session.objects.update(confirmed_at=None)
    answer = browser.delete(f"/api/users/{user.pk}/personal-data")
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert User.objects.get(pk=user.pk).username == "gone"


def test_sign_ins_by_an_address_that_is_anothers_now_stay(cast):
    user = make_user("first", email="shared@lab.example")
    user_services.delete_user(actor=SYSTEM, user_id=user.pk)
    Caller().post("/api/auth/login", {"username": "shared@lab.example", "password": "wrong"})
    event = AuditLog.objects.latest("pk")
    make_user("second", email="shared@lab.example")
    erase_personal_data(actor=SYSTEM, user_id=user.pk)
    assert AuditLog.objects.get(pk=event.pk).username == "shared@lab.example"


def test_keys_of_an_erased_person_are_gone_with_their_names(cast):
    user = make_user("keyed", "viewer")
    create_key(actor=user, user_id=user.pk, name="Keyed's phone", scopes=["animal_read"])
    erase_personal_data(actor=SYSTEM, user_id=user.pk)
    assert not ApiKey.objects.filter(user=user).exists()


def test_a_role_with_the_number_and_name_of_a_person_keeps_its_refusals(cast):
    user = make_user("late")
    filed = {"action": Action.ACCESS_DENIED, "resource_id": user.pk, "resource_name": "late", "success": False}
    about_role, about_user = (record(actor=SYSTEM, resource=resource, **filed) for resource in ("role", "lab_test"))
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    names = [AuditLog.objects.get(pk=event.pk).resource_name for event in (about_role, about_user)]
    assert names == ["late", ""]


def test_what_the_installation_did_is_not_taken_for_a_sign_in_by_someone_of_that_name(cast):
    user = make_user("system")
    send_password_reset(actor=SYSTEM, user_id=cast.viewer.pk)
    event = AuditLog.objects.get(action=Action.PASSWORD_RESET, resource_id=str(cast.viewer.pk))
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert AuditLog.objects.get(pk=event.pk).username == "system"


def test_a_refused_change_gives_nobody_a_name(cast):
    user = make_user("late")
    wanted = {"username": ("late", "wanted")}
    record(actor=user, action=Action.UPDATE, resource="user", resource_id=user.pk, success=False, changes=wanted)
    event = exported(user="wanted")
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert filters_of(event) == {"user": "wanted"}


def test_a_refused_deletion_does_not_say_what_a_deleted_person_held(cast, make_role):
    make_role("Keeper", "settings_update")
    user = make_user("keeper", "Keeper")
    user_services.delete_user(actor=SYSTEM, user_id=user.pk)
    nothing = {"roles": ([], [])}
    record(actor=SYSTEM, action=Action.DELETE, resource="user", resource_id=user.pk, success=False, changes=nothing)
    with pytest.raises(Forbidden) as denial:
        erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert denial.value.required == "settings_update"


def test_what_looks_like_a_persons_is_left_to_whom_it_belongs(cast):
    user, other = make_user("late"), cast.viewer
    send_password_reset(actor=cast.admin, user_id=other.pk)
    with request_origin(STRANGER):
        assert Caller(other).token
    session = Session.objects.get(user=other)
    named = {"actor": SYSTEM, "resource_name": "late"}
    kept = [
        record(actor=other, action=Action.CREATE, resource="factor", resource_name="late"),
        record(actor=User(pk=other.pk, username="late"), action=Action.LOGIN, resource="auth", success=False),
        record(**named, action=Action.CREATE, resource="lab_test", resource_id=user.pk),
        record(**named, action=Action.ACCESS_DENIED, resource="lab_test", resource_id=other.pk, success=False),
    ]
    theirs = record(actor=user, action=Action.CREATE, resource="factor", resource_name="Late's phone")
    rows = AuditLog.objects.filter(pk__in=[event.pk for event in kept]).order_by("pk").values()
    before = list(rows.all())
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert list(rows.all()) == before
    assert AuditLog.objects.get(pk=theirs.pk).resource_name == ""
    assert OutgoingMail.objects.filter(user=other).exists()
    still = Session.objects.get(pk=session.pk)
    assert (still.ip_address, still.user_agent) == (STRANGER.ip_address, STRANGER.user_agent)


def test_a_name_is_a_persons_from_when_they_took_it_unless_it_is_anothers(cast):
    user, other = make_user("late"), make_user("early")
    too_early = exported(user="later")
    user_services.update_user(actor=cast.admin, user_id=user.pk, username="later")
    user_services.update_user(actor=cast.admin, user_id=other.pk, username="early.two")
    # No service gives this name to someone else, but a database may have come with it.
    User.objects.filter(pk=cast.viewer.pk).update(username="late")
    events = [exported(user=name) for name in ("later", "early", "late")]
    erase_personal_data(actor=cast.admin, user_id=user.pk)
    assert filters_of(too_early) == {"user": "later"}
    assert [filters_of(event) for event in events] == [None, {"user": "early"}, {"user": "late"}]
