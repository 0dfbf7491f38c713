"""Several users at once: what is allowed is done, what is refused is named, each with its own audit row."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import grant_role
from accounts.models import User
from accounts.users.bulk import assign_role, change_role, lock, remove_role, set_active
from accounts.users.forms import MAX_BULK_USERS
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.cast import NOBODY, at_once, audit_rows, make_user
from reprotech.testing.client import page_client


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def text_of(response):
    return response.content.decode()


def slugs_of(user):
    return [role.slug for role in User.objects.get(pk=user.pk).roles.all()]


def test_each_change_has_its_own_audit_row_and_refusals_are_named(cast):
    ids = [cast.viewer.pk, cast.super_admin.pk, cast.researcher.pk, cast.admin.pk, NOBODY]
    with audit_rows() as rows:
        outcome = set_active(actor=cast.admin, user_ids=ids, is_active=False)
    assert outcome.done == ["the-viewer", "the-researcher"]
    assert outcome.refused == {
        "the-super_admin": "it needs the permission role_delete, which you don't hold",
        "the-admin": "You can't deactivate your own account. Ask another administrator",
    }
    assert [(row.action, row.resource_name) for row in rows] == [
        ("update", "the-viewer"),
        ("access_denied", "the-super_admin"),
        ("update", "the-researcher"),
    ]


def test_who_is_named_twice_is_changed_and_counted_once(cast):
    with audit_rows() as rows:
        outcome = lock(actor=cast.admin, user_ids=[cast.viewer.pk, cast.researcher.pk, cast.viewer.pk])
    assert (outcome.done, outcome.changed) == (["the-viewer", "the-researcher"], [cast.viewer.pk, cast.researcher.pk])
    assert [(row.action, row.resource_name) for row in rows] == [("lock", "the-viewer"), ("lock", "the-researcher")]


def test_a_role_is_given_next_to_others_and_taken_again(cast):
    people = [cast.viewer.pk, cast.researcher.pk]
    with audit_rows() as rows:
        assert assign_role(actor=cast.admin, user_ids=people, role="viewer").done == ["the-viewer", "the-researcher"]
    assert slugs_of(cast.researcher) == ["researcher", "viewer"]
    assert [row.action for row in rows] == ["role_assign"]
    assert remove_role(actor=cast.admin, user_ids=people, role="Viewer").refused == {}
    assert (slugs_of(cast.viewer), slugs_of(cast.researcher)) == ([], ["researcher"])


def test_a_role_for_a_time_that_was_taken_is_not_given_back_for_good_by_undo(cast):
    grant_role(actor=cast.admin, user_id=cast.viewer.pk, role="manager", ends_at=timezone.now() + timedelta(days=9))
    people = [cast.viewer.pk, cast.manager.pk]
    outcome = remove_role(actor=cast.admin, user_ids=people, role="manager")
    assert (outcome.done, outcome.changed) == (["the-viewer", "the-manager"], [cast.manager.pk])


@pytest.mark.django_db(transaction=True)
def test_of_changes_at_once_none_undoes_another(cast, make_role):
    taken, given = [[make_role(f"{verb} {n}").slug for n in range(4)] for verb in ("Taken", "Given")]
    user = make_user("busy", *taken)
    change = partial(change_role, actor=cast.admin, user_id=user.pk)
    calls = [partial(change, revoked=role) for role in taken] + [partial(change, assigned=role) for role in given]
    assert {type(answer) for answer in at_once(*calls)} == {User}
    assert slugs_of(user) == given


def test_a_role_beyond_the_actors_own_is_given_to_nobody(cast):
    outcome = assign_role(actor=cast.admin, user_ids=[cast.viewer.pk], role="super_admin")
    assert outcome.done == []
    assert list(outcome.refused) == ["the-viewer"]
    assert slugs_of(cast.viewer) == ["viewer"]


@pytest.mark.parametrize("change", [assign_role, remove_role])
def test_an_unknown_role_is_refused_at_once(cast, change):
    with pytest.raises(ValidationFailed):
        change(actor=cast.admin, user_ids=[cast.viewer.pk], role="king")


def test_the_page_asks_and_the_message_names_what_was_refused(cast, browser):
    query = f"user={cast.viewer.pk}&user={cast.super_admin.pk}&next=/users?status=active"
    asked = text_of(browser.get(f"/users/selected/deactivate?{query}"))
    assert "Deactivate 2 users?" in asked
    assert "Will be refused: holds more than you do (role_delete, settings_update)." in asked
    assert User.objects.get(pk=cast.viewer.pk).is_active
    typed = {"user": [cast.viewer.pk, cast.super_admin.pk], "next": "/users?status=active"}
    response = browser.post("/users/selected/deactivate", typed)
    assert (response.status_code, response["Location"]) == (302, "/users?status=active")
    page = text_of(browser.get("/users"))
    assert "1 user deactivated. Refused: the-super_admin (it needs the permission role_delete" in page
    assert not User.objects.get(pk=cast.viewer.pk).is_active


def test_a_role_is_chosen_on_the_page(cast, browser):
    path, people = "/users/selected/assign-role", [cast.viewer.pk, cast.stranger.pk]
    unchosen = browser.post(path, {"user": people})
    assert unchosen.status_code == 422
    assert "Choose a role." in text_of(unchosen)
    browser.post(path, {"user": people, "role": "researcher"})
    assert "Researcher assigned to 2 users." in text_of(browser.get("/users"))
    browser.post("/users/selected/remove-role", {"user": people, "role": "researcher"})
    assert (slugs_of(cast.viewer), slugs_of(cast.stranger)) == (["viewer"], [])


@pytest.mark.parametrize("step", ["activate", "deactivate", "assign-role", "remove-role", "export"])
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "Select at least one user."),
        ("user=x", "Select at least one user."),
        ("&".join(f"user={n}" for n in range(1, 102)), "Select at most 100 users at once."),
    ],
)
def test_a_selection_that_makes_no_sense_leads_back_with_a_sentence(browser, step, query, sentence):
    response = browser.get(f"/users/selected/{step}?{query}")
    assert (response.status_code, response["Location"]) == (302, "/users")
    assert sentence in text_of(browser.get("/users"))


def without_token(response):
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", text_of(response)).strip()


def seen_on(page):
    return re.search(r'name="seen" value="(\w+)"', page)[1]


def test_all_who_match_the_filters_are_changed_and_named_before(cast, browser):
    path, matching = "/users/selected/deactivate", "?search=the-&role=viewer"
    asked = text_of(browser.get(path, {"matching": matching, "user": cast.researcher.pk}))
    assert "Deactivate 1 user?" in asked
    assert "All who match" in asked
    assert "Search: the-</span>" in asked
    assert "Role: viewer</span>" in asked
    with audit_rows() as rows:
        browser.post(path, {"matching": matching, "seen": seen_on(asked), "user": cast.researcher.pk})
    assert [(row.action, row.resource_name) for row in rows] == [("update", "the-viewer")]
    assert User.objects.get(pk=cast.researcher.pk).is_active


def test_nobody_is_changed_who_was_not_on_the_page_that_asked(cast, browser):
    path, matching = "/users/selected/deactivate", "?role=viewer"
    seen = seen_on(text_of(browser.get(path, {"matching": matching})))
    assign_role(actor=SYSTEM, user_ids=[cast.stranger.pk], role="viewer")
    with audit_rows() as rows:
        response = browser.post(path, {"matching": matching, "seen": seen})
    assert response.status_code == 422
    assert "Other users match now than when you looked." in text_of(response)
    assert "Deactivate 2 users?" in text_of(response)
    assert rows == []
    browser.post(path, {"matching": matching, "seen": seen_on(text_of(response))})
    assert not User.objects.get(pk=cast.stranger.pk).is_active


def test_nobody_is_nobody_to_change(browser):
    browser.get("/users/selected/deactivate", {"matching": "?search=nobody-of-this-name"})
    assert "No users match any more" in text_of(browser.get("/users"))


@pytest.mark.parametrize("matching", ["?status=asleep", "?user=1", "?page=2", "?search=a&search=b", "nonsense"])
def test_filters_that_make_no_sense_match_nobody(browser, matching):
    response = browser.get("/users/selected/deactivate", {"matching": matching})
    assert (response.status_code, response["Location"]) == (302, "/users")
    assert "These filters are invalid." in text_of(browser.get("/users"))


def test_more_than_a_request_can_bear_are_refused_and_not_offered(cast, browser):
    people = [
        User(username=f"crowd-{n}", email=f"crowd-{n}@lab.example", search_text=f"crowd-{n}")
        for n in range(MAX_BULK_USERS + 1)
    ]
    User.objects.bulk_create(people)
    response = browser.get("/users/selected/deactivate", {"matching": "?search=crowd-"})
    assert (response.status_code, response["Location"]) == (302, "/users")
    assert "At most 500 users can be changed at once. Narrow the filters." in text_of(browser.get("/users"))
    page = text_of(browser.get("/users?search=crowd-"))
    assert "501 users match, and at most 500 can be changed at once." in page
    assert 'name="matching"' not in page
    assert 'name="matching" value="?search=crowd-10"' in text_of(browser.get("/users?search=crowd-10&per_page=10"))


def test_a_dialog_gets_the_question_alone_and_is_redirected(cast, browser):
    path, query = "/users/selected/deactivate", {"user": cast.viewer.pk, "next": "/users?role=viewer"}
    htmx = {"HX-Request": "true"}
    asked = without_token(browser.get(path, query, headers=htmx))
    assert asked.startswith('<h1 id="dialog-title">Deactivate 1 user?</h1>')
    assert asked in without_token(browser.get(path, query))
    done = browser.post(path, query, headers=htmx)
    assert (done.status_code, done["HX-Redirect"]) == (200, "/users?role=viewer")
    refused = browser.get(path, {"user": "x"}, headers=htmx)
    assert (refused.status_code, refused["HX-Redirect"]) == (200, "/users")


def test_all_who_match_are_exported(cast, browser):
    with audit_rows() as rows:
        response = browser.get("/users/selected/export", {"matching": "?role=viewer"})
        lines = b"".join(response.streaming_content).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["the-viewer"]
    assert rows[0].details["filters"] == {"role": "viewer"}


def test_the_selected_are_exported(cast, browser):
    with audit_rows() as rows:
        response = browser.get(f"/users/selected/export?user={cast.viewer.pk}&user={cast.researcher.pk}")
        lines = b"".join(response.streaming_content).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["the-researcher", "the-viewer"]
    assert rows[0].details["filters"] == {"ids": [cast.viewer.pk, cast.researcher.pk]}
