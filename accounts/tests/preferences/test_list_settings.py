"""Each person chooses the columns and the row height of the list of users."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, Preferences, User
from accounts.preferences.list_settings import USER_COLUMNS, ListSettings
from accounts.preferences.services import list_settings, save_list_settings
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client

DEFAULTS = ("email", "roles", "status", "factor", "last_login")
ALL = tuple(column.name for column in USER_COLUMNS)


@pytest.fixture
def browser(cast):
    return page_client(cast.admin)


def heads(browser):
    page = browser.get("/users").content.decode()
    return page.partition("<thead>")[2].partition("</thead>")[0]


def test_columns_are_chosen_by_a_form_and_kept_for_this_person_alone(cast, browser):
    assert "Two-factor" in heads(browser)
    assert "API keys" not in heads(browser)
    chosen = {"columns": ["keys", "id", "email"], "is_compact": "on", "next": "/users?role=viewer"}
    assert browser.post("/users/columns", chosen)["Location"] == "/users?role=viewer"
    assert list_settings(User.objects.get(pk=cast.admin.pk), "users") == ListSettings(
        ("email", "id", "keys"), is_compact=True
    )
    shown = heads(browser)
    assert shown.index("E-mail") < shown.index("ID") < shown.index("API keys")
    assert "Two-factor" not in shown
    assert "is-compact" in browser.get("/users").content.decode()
    assert "Two-factor" in heads(page_client(cast.super_admin))


def test_a_list_without_columns_names_its_users(cast, browser):
    browser.post("/users/columns", {})
    page = browser.get("/users").content.decode()
    assert "the-viewer" in page
    assert "col-email" not in page


def test_an_unknown_column_is_refused_and_nothing_is_stored(browser):
    browser.post("/users/columns", {"columns": ["email", "shoe_size"]})
    assert not Preferences.objects.exists()
    assert "There is no column shoe_size." in browser.get("/users").content.decode()


@pytest.mark.parametrize(
    "stored", [None, [], "x", {"columns": "email"}, {"columns": None, "is_compact": True}, {"is_compact": True}]
)
def test_what_is_not_understood_counts_as_nothing_chosen(stored):
    assert ListSettings.of(USER_COLUMNS, stored) == ListSettings(DEFAULTS)


def test_a_column_that_is_gone_is_left_out():
    assert ListSettings.of(USER_COLUMNS, {"columns": ["id", "gone", {}, "email"]}).columns == ("email", "id")


def test_the_settings_of_another_list_stay(cast):
    Preferences.objects.create(user=cast.admin, time_zone="Europe/Berlin", lists={"others": {"columns": ["a"]}})
    save_list_settings(actor=cast.admin, name="users", settings=ListSettings(("id",)))
    stored = Preferences.objects.get(user=cast.admin)
    assert stored.lists == {"others": {"columns": ["a"]}, "users": {"columns": ["id"], "is_compact": False}}
    assert stored.time_zone == "Europe/Berlin"


def test_keys_are_counted_without_those_that_were_revoked(cast, browser):
    browser.post("/users/columns", {"columns": ["keys"]})
    for number, revoked in enumerate([None, None, cast.viewer.created_at]):
        ApiKey.objects.create(
            user=cast.viewer,
            name=f"Key {number}",
            prefix=f"p{number}",
            secret_hash=f"{number}",
            scopes=[],
            expires_at=cast.viewer.created_at,
            revoked_at=revoked,
        )
    assert '<td class="col-keys" data-label="API keys">2</td>' in browser.get("/users").content.decode()


def test_no_column_costs_a_query(cast, browser):
    make_user("one", "viewer")

    def count(columns):
        Preferences.objects.update_or_create(user=cast.admin, defaults={"lists": {"users": {"columns": columns}}})
        with CaptureQueriesContext(connection) as queries:
            browser.get("/users")
        return len(queries)

    assert count([]) == count([*ALL]) == count(["keys"])


def test_columns_are_for_those_who_may_see_users(cast):
    assert page_client(cast.viewer).post("/users/columns", {"columns": ["id"]}).status_code == 403
