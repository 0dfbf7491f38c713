"""Several users at once: what is allowed is done, what is refused is named, each with its own audit row."""

import pytest

from accounts.errors import Invalid
from accounts.models import User
from accounts.services.bulk import assign_role, remove_role, set_active
from reprotech.testing import NOBODY, audit_rows, page_client


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


def test_a_role_is_given_beside_the_others_and_taken_again(cast):
    people = [cast.viewer.pk, cast.researcher.pk]
    with audit_rows() as rows:
        assert assign_role(actor=cast.admin, user_ids=people, role="viewer").done == ["the-viewer", "the-researcher"]
    assert slugs_of(cast.researcher) == ["researcher", "viewer"]
    assert [row.action for row in rows] == ["role_assign"]
    assert remove_role(actor=cast.admin, user_ids=people, role="Viewer").refused == {}
    assert (slugs_of(cast.viewer), slugs_of(cast.researcher)) == ([], ["researcher"])


def test_a_role_beyond_the_actors_own_is_given_to_nobody(cast):
    outcome = assign_role(actor=cast.admin, user_ids=[cast.viewer.pk], role="super_admin")
    assert outcome.done == []
    assert list(outcome.refused) == ["the-viewer"]
    assert slugs_of(cast.viewer) == ["viewer"]


def test_an_unknown_role_is_refused_at_once(cast):
    with pytest.raises(Invalid):
        assign_role(actor=cast.admin, user_ids=[cast.viewer.pk], role="king")


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
    assert "The role Researcher is given to 2 users." in text_of(browser.get("/users"))
    browser.post("/users/selected/remove-role", {"user": people, "role": "researcher"})
    assert (slugs_of(cast.viewer), slugs_of(cast.stranger)) == (["viewer"], [])


@pytest.mark.parametrize("step", ["activate", "deactivate", "assign-role", "remove-role", "export"])
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "This field is required."),
        ("user=x", "Select at least one user."),
        ("&".join(f"user={n}" for n in range(1, 102)), "Select at most 100 users at once."),
    ],
)
def test_a_selection_that_makes_no_sense_leads_back_with_a_sentence(browser, step, query, sentence):
    response = browser.get(f"/users/selected/{step}?{query}")
    assert (response.status_code, response["Location"]) == (302, "/users")
    assert sentence.replace("This field is required.", "Select at least one user.") in text_of(browser.get("/users"))


def test_the_selected_are_exported(cast, browser):
    with audit_rows() as rows:
        response = browser.get(f"/users/selected/export?user={cast.viewer.pk}&user={cast.researcher.pk}")
        lines = b"".join(response.streaming_content).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["the-researcher", "the-viewer"]
    assert rows[0].details["filters"] == {"ids": [cast.viewer.pk, cast.researcher.pk]}
