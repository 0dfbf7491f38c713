"""Giving roles without holding what they give: who may, to whom, and what they can't do with the accounts."""

import pytest

from accounts.access.authorization import SYSTEM
from accounts.mfa import services as mfa_services
from accounts.models import Role, RoleGrant, User
from accounts.notifications.links import password_link, reset_tokens
from accounts.passwords import services as password_services
from accounts.roles import services as role_services
from accounts.users import bulk
from accounts.users import services as user_services
from accounts.users.csv.import_users import ImportRow, import_users
from accounts.users.invitations import services as invitation_services
from reprotech.core.exceptions import Conflict, Forbidden, ValidationFailed
from reprotech.core.principal import Principal
from reprotech.core.request_context import RequestOrigin, request_origin, set_principal
from reprotech.testing.cast import PASSWORD, at_once, audit_rows, make_user
from reprotech.testing.client import Caller

HOLDS = ("user_create", "user_read", "user_update", "role_read", "session_revoke")


@pytest.fixture
def people_officer(cast, make_role):
    """The role of who looks after people: it may give Technician and Viewer, and holds nothing of the laboratory."""
    role = make_role("People Officer", *HOLDS)
    return role_services.update_role(
        actor=cast.super_admin, role_id=role.pk, may_grant=["Laboratory Technician", "viewer"]
    )


@pytest.fixture
def officer(people_officer):
    return make_user("the-officer", "People Officer")


def slugs(user):
    return {role.slug for role in User.objects.get(pk=user.pk).roles.all()}


def fields(name, *roles, **more):
    return {"username": name, "email": f"{name}@lab.example", "roles": roles, **more}


# Who sets it.


def test_only_super_administrators_say_which_roles_a_role_may_grant(cast, make_role):
    role = make_role("People Officer", *HOLDS)
    for actor in (cast.admin, cast.viewer):
        for change in (
            lambda actor=actor: role_services.update_role(actor=actor, role_id=role.pk, may_grant=["viewer"]),
            lambda actor=actor: role_services.create_role(actor=actor, name="Mine", may_grant=["viewer"]),
        ):
            with pytest.raises(Forbidden):
                change()
    # Who holds every permission by another role is none either.
    make_role("Everything", *Role.objects.get(slug="super_admin").permission_names)
    with pytest.raises(Forbidden):
        role_services.update_role(actor=make_user("all", "Everything"), role_id=role.pk, may_grant=["viewer"])
    assert not Role.may_grant.through.objects.exists()
    # What stays as it is takes no more than before: a whole record is sent back by `PUT`.
    role_services.update_role(actor=cast.admin, role_id=role.pk, may_grant=[], description="People")
    with audit_rows() as rows:
        role_services.update_role(actor=cast.super_admin, role_id=role.pk, may_grant=["viewer", "Researcher"])
    assert [row.details["changes"] for row in rows] == [{"may_grant": [[], ["Researcher", "Viewer"]]}]


def test_what_a_role_may_not_grant_is_refused_with_a_sentence(cast, people_officer, make_role):
    head = make_role("Head", "user_update")
    attempts = {
        ("People Officer", "super_admin"): "Only Super Administrators give the role Super Administrator.",
        ("People Officer", "People Officer"): "A role can't be given by its own holders: choose others.",
        ("People Officer", "nothing"): "There is no role 'nothing'.",
        (
            "Head",
            "People Officer",
        ): "People Officer may grant Laboratory Technician, Viewer itself, so no other role can grant it.",
        ("Viewer", "Manager"): "People Officer may grant Viewer, so it can't grant roles itself. Take it from there "
        "first.",
        ("Super Administrator", "viewer"): "Super Administrators may give every role already.",
    }
    for (name, other), sentence in attempts.items():
        with pytest.raises(ValidationFailed) as refusal:
            role_services.update_role(actor=cast.super_admin, role_id=Role.objects.get(name=name).pk, may_grant=[other])
        assert refusal.value.errors == {"may_grant": [sentence]}
    assert people_officer.may_grant_names == ["Laboratory Technician", "Viewer"]
    assert not head.may_grant.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_no_chain(cast, make_role):
    one, two = make_role("One", "user_update"), make_role("Two", "user_update")
    make_user("second", "super_admin")
    results = at_once(
        lambda: role_services.update_role(actor=cast.super_admin, role_id=one.pk, may_grant=["Two"]),
        lambda: role_services.update_role(actor=User.objects.get(username="second"), role_id=two.pk, may_grant=["One"]),
    )
    assert sorted(type(result).__name__ for result in results) == ["Role", "ValidationFailed"]
    assert Role.may_grant.through.objects.count() == 1


# What its holders may do.


def test_its_holders_invite_give_and_take(cast, officer, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        new = user_services.create_user(actor=officer, **fields("new-one", "Laboratory Technician"))
    assert slugs(new) == {"lab_technician"}
    assert [mail.to for mail in mailoutbox] == [["new-one@lab.example"]]
    invitation_services.resend_invitation(actor=officer, user_id=new.pk)
    with audit_rows() as rows:
        user_services.update_user(actor=officer, user_id=cast.stranger.pk, roles=["viewer", "lab_technician"])
        user_services.update_user(actor=officer, user_id=cast.stranger.pk, roles=["viewer"])
        assert bulk.remove_role(actor=officer, user_ids=[cast.stranger.pk], role="viewer").done == ["the-stranger"]
        # So too where the person holds something else that they may not touch.
        assert bulk.assign_role(actor=officer, user_ids=[cast.manager.pk], role="viewer").done == ["the-manager"]
        # What is so already is no refusal.
        assert bulk.assign_role(actor=officer, user_ids=[cast.manager.pk], role="viewer").changed == []
    assert [(row.username, row.action) for row in rows] == [
        ("the-officer", action) for action in ("role_assign", "role_revoke", "role_revoke", "role_assign")
    ]
    assert (slugs(cast.stranger), slugs(cast.manager)) == (set(), {"manager", "viewer"})
    row = ImportRow(2, {"username": "ada", "email": "ada@lab.example", "first_name": "", "last_name": ""}, ("viewer",))
    assert import_users(actor=officer, rows=[row]) == 1


REFUSED = {
    "give it to themselves": lambda o, c: user_services.update_user(
        actor=o, user_id=o.pk, roles=["People Officer", "viewer"]
    ),
    "give another role": lambda o, c: user_services.update_user(actor=o, user_id=c.stranger.pk, roles=["researcher"]),
    "take another role": lambda o, c: user_services.update_user(actor=o, user_id=c.manager.pk, roles=["viewer"]),
    "give their own role": lambda o, c: user_services.update_user(
        actor=o, user_id=c.stranger.pk, roles=["People Officer"]
    ),
    "create with their own role": lambda o, c: user_services.create_user(actor=o, **fields("x-y", "People Officer")),
    "create with another role": lambda o, c: user_services.create_user(actor=o, **fields("x-y", "researcher")),
    "create a service account": lambda o, c: user_services.create_user(
        actor=o, **fields("x-y", "viewer", is_service=True)
    ),
    "give it to a service account": lambda o, c: user_services.update_user(
        actor=o, user_id=make_user("robot", is_service=True, password=None).pk, roles=["viewer"]
    ),
    "give it to a Super Administrator": lambda o, c: user_services.update_user(
        actor=o, user_id=c.super_admin.pk, roles=["super_admin", "viewer"]
    ),
    "give and rename": lambda o, c: user_services.update_user(
        actor=o, user_id=c.viewer.pk, roles=["viewer", "lab_technician"], first_name="X"
    ),
    "change an address": lambda o, c: user_services.update_user(actor=o, user_id=c.viewer.pk, email="o@lab.example"),
    "set a password": lambda o, c: password_services.reset_password(
        actor=o, user_id=c.viewer.pk, password="Other-Horse-8"
    ),
    "mail a link": lambda o, c: password_services.send_password_reset(actor=o, user_id=c.viewer.pk),
    "remove factors": lambda o, c: mfa_services.reset_factors(actor=o, user_id=c.viewer.pk),
    "have an invitation link": lambda o, c: invitation_services.make_invitation_link(
        actor=o, user_id=make_user("guest", "viewer", password=None).pk
    ),
    "unlock": lambda o, c: user_services.unlock_user(actor=o, user_id=c.viewer.pk),
    "delete": lambda o, c: user_services.delete_user(actor=o, user_id=c.viewer.pk),
    "take over another who may give": lambda o, c: password_services.reset_password(
        actor=o, user_id=make_user("peer", "People Officer").pk, password="Other-Horse-8"
    ),
}


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_they_can_do_nothing_else_to_accounts_that_hold_more(cast, officer, attempt):
    state = lambda: (  # noqa: E731
        list(User.objects.exclude(username__in=["robot", "guest", "peer"]).order_by("pk").values()),
        set(RoleGrant.objects.values_list("user__username", "role__slug")) - {("guest", "viewer")},
    )
    before = state()
    with audit_rows() as rows, pytest.raises(Forbidden):
        attempt(officer, cast)
    assert {entry for entry in state()[1] if entry[0] != "peer"} == before[1]
    assert state()[0] == before[0]
    assert [row.action for row in rows if row.username == "the-officer"] == ["access_denied"]


def test_an_invitation_takes_the_place_of_a_password(cast, officer, settings):
    settings.ADMIN_SETS_PASSWORDS = True
    with pytest.raises(ValidationFailed) as refusal:
        user_services.create_user(actor=officer, **fields("new-one", "lab_technician", password=PASSWORD))
    (sentence,) = refusal.value.errors["password"]
    assert sentence.startswith("You don't hold what Laboratory Technician gives, so you can't know this person's")
    answer = Caller(officer).post("/api/users", fields("new-one", "lab_technician", password=PASSWORD))
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["password"])
    row = ImportRow(
        2, {"username": "ada", "email": "ada@lab.example", "first_name": "", "last_name": ""}, ("viewer",), PASSWORD
    )
    with pytest.raises(ValidationFailed) as refusal:
        import_users(actor=officer, rows=[row])
    assert list(refusal.value.errors) == ["line 2"]
    assert not User.objects.filter(username__in=["new-one", "ada"]).exists()


def test_who_knows_the_password_gives_no_role_with_it(cast, officer, settings):
    """Otherwise they would make the account first, with a password, and then use it themselves."""
    settings.ADMIN_SETS_PASSWORDS = True
    made = user_services.create_user(actor=officer, **fields("made", password=PASSWORD))
    reset = make_user("reset")
    password_services.reset_password(actor=officer, user_id=reset.pk, password="Other-Horse-8")
    linked = make_user("linked", password=None)
    link = invitation_services.make_invitation_link(actor=officer, user_id=linked.pk)
    for person in (made, reset, linked):
        with pytest.raises(Conflict, match="You chose this person's password"):
            user_services.update_user(actor=officer, user_id=person.pk, roles=["viewer"])
    # By the link that was handed over they may have chosen it themselves.
    token = link.rstrip("/").rpartition("/")[2]
    password_services.set_password_by_link(user_id=linked.pk, link_token=token, new_password="Third-Horse-9")
    with pytest.raises(Conflict):
        user_services.update_user(actor=officer, user_id=linked.pk, roles=["viewer"])
    # Someone else doesn't know it, and a link by e-mail is the person's own.
    user_services.update_user(actor=cast.admin, user_id=linked.pk, roles=["viewer"])
    token = password_link(User.objects.get(pk=made.pk), reset_tokens).rstrip("/").rpartition("/")[2]
    password_services.set_password_by_link(user_id=made.pk, link_token=token, new_password="Third-Horse-9")
    user_services.update_user(actor=officer, user_id=made.pk, roles=["viewer"])
    assert slugs(made) == {"viewer"}


def test_whose_password_was_chosen_chooses_none_for_who_chose_it(officer, make_role, settings):
    """The officer uses a clerk, who may change accounts too, to choose a third one's password."""
    settings.ADMIN_SETS_PASSWORDS = True
    make_role("Plain Clerk", "user_update")
    clerk, third = make_user("plain-clerk", "Plain Clerk"), make_user("third")
    password_services.reset_password(actor=officer, user_id=clerk.pk, password="Other-Horse-8")
    password_services.reset_password(actor=User.objects.get(pk=clerk.pk), user_id=third.pk, password="Other-Horse-8")
    with pytest.raises(Conflict, match="or that of who chose it"):
        user_services.update_user(actor=officer, user_id=third.pk, roles=["viewer"])


def test_who_changed_the_address_gives_no_role_with_it(cast, officer):
    """Links to choose a password go there. In one call, one after the other, and after a change by the account itself,
    which may be theirs by then.
    """
    both, later = make_user("both"), make_user("later")
    with pytest.raises(Conflict, match="You changed this person's e-mail address"):
        user_services.update_user(actor=officer, user_id=both.pk, email="mine@lab.example", roles=["viewer"])
    assert (slugs(both), User.objects.get(pk=both.pk).email) == (set(), both.email)
    user_services.update_user(actor=officer, user_id=later.pk, email="mine@lab.example")
    user_services.change_email(user=User.objects.get(pk=later.pk), address="mine-too@lab.example")
    with pytest.raises(Conflict, match="Ask an administrator"):
        user_services.update_user(actor=officer, user_id=later.pk, roles=["viewer"])
    # What they hold themselves they could give in any case, and others don't read that mailbox.
    user_services.update_user(actor=officer, user_id=later.pk, first_name="Later")
    user_services.update_user(actor=cast.admin, user_id=later.pk, roles=["viewer"])
    assert slugs(later) == {"viewer"}


def test_a_role_that_may_grant_takes_as_much_as_the_roles_that_it_grants(cast, people_officer, clerk):
    """Its holder could give those roles to a friend, and so could a friend."""
    peer = make_user("peer", "People Officer")
    attempts = (
        lambda: user_services.update_user(actor=clerk, user_id=cast.stranger.pk, roles=["People Officer"]),
        lambda: user_services.update_user(actor=clerk, user_id=clerk.pk, roles=["Clerk", "People Officer"]),
        lambda: role_services.update_role(actor=clerk, role_id=people_officer.pk, description="Mine"),
        lambda: role_services.delete_role(actor=clerk, role_id=people_officer.pk, reassign_to="Clerk"),
        lambda: user_services.update_user(actor=clerk, user_id=peer.pk, email="clerk@lab.example"),
        lambda: user_services.delete_user(actor=clerk, user_id=peer.pk),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden):
            attempt()
    user_services.update_user(actor=cast.admin, user_id=cast.stranger.pk, roles=["People Officer"])
    role_services.update_role(actor=cast.admin, role_id=people_officer.pk, permissions=[*HOLDS, "audit_read"])


def test_an_api_key_gives_no_role_beyond_its_scopes(cast, officer):
    with request_origin(RequestOrigin()):
        set_principal(Principal(user_id=officer.pk, api_key="rpt_x", scopes=frozenset(HOLDS)))
        with pytest.raises(Forbidden):
            user_services.update_user(actor=officer, user_id=cast.stranger.pk, roles=["viewer"])
    user_services.update_user(actor=officer, user_id=cast.stranger.pk, roles=["viewer"])


def test_a_renamed_role_is_granted_still_and_a_deleted_one_no_more(cast, officer, people_officer, make_role):
    guest = make_role("Guest", "animal_read")
    role_services.update_role(actor=cast.super_admin, role_id=people_officer.pk, may_grant=["Guest", "viewer"])
    role_services.update_role(actor=cast.admin, role_id=guest.pk, name="Visitor")
    user_services.update_user(actor=officer, user_id=cast.stranger.pk, roles=["Visitor"])
    with audit_rows() as rows:
        role_services.delete_role(actor=cast.super_admin, role_id=guest.pk, reassign_to="researcher")
    assert slugs(cast.stranger) == {"researcher"}
    (event,) = [row for row in rows if row.resource_name == "People Officer"]
    assert (event.action, event.details["changes"]) == ("update", {"may_grant": [["Viewer", "Visitor"], ["Viewer"]]})
    assert people_officer.may_grant_names == ["Viewer"]
    with pytest.raises(Forbidden):
        user_services.update_user(actor=officer, user_id=cast.viewer.pk, roles=["viewer", "researcher"])
    with audit_rows() as rows:
        role_services.update_role(actor=SYSTEM, role_id=people_officer.pk, may_grant=[])
    assert [row.details["changes"] for row in rows] == [{"may_grant": [["Viewer"], []]}]
    with pytest.raises(Forbidden):
        user_services.update_user(actor=officer, user_id=cast.stranger.pk, roles=["viewer"])


def test_the_api_shows_and_sets_it(cast, people_officer):
    path = f"/api/roles/{people_officer.pk}"
    assert Caller(cast.admin).get(path).json()["may_grant"] == ["Laboratory Technician", "Viewer"]
    listed = Caller(cast.admin).get("/api/roles").json()["roles"]
    assert {role["name"]: role["may_grant"] for role in listed}["Viewer"] == []
    answer = Caller(cast.admin).patch(path, {"may_grant": []})
    assert (answer.status_code, answer.json()["required"]) == (403, "role_delete")
    answer = Caller(cast.super_admin).patch(path, {"may_grant": ["viewer", "super_admin"]})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["may_grant"])
    answer = Caller(cast.super_admin).patch(path, {"may_grant": ["viewer"]})
    assert (answer.status_code, answer.json()["role"]["may_grant"]) == (200, ["Viewer"])
    answer = Caller(cast.super_admin).post("/api/roles", {"name": "Desk", "may_grant": ["researcher"]})
    assert (answer.status_code, answer.json()["role"]["may_grant"]) == (201, ["Researcher"])
