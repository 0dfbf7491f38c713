"""Django admin speaks and looks as our pages do."""

import re
from datetime import UTC, datetime

import pytest

from accounts.models import User
from accounts.tests.support.admin_client import AdminClient


@pytest.fixture
def desk(cast):
    return AdminClient(cast.super_admin)


def text_of(answer):
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_times_are_written_as_on_the_pages(desk, cast):
    seen = datetime(2026, 11, 4, 8, 58, tzinfo=UTC)
    User.objects.filter(pk=cast.viewer.pk).update(last_login=seen, created_at=seen)
    page = text_of(desk.get("accounts/user/"))
    assert "4 Nov 2026, 08:58 UTC" in page
    assert '<td class="field-created nowrap">4 Nov 2026</td>' in page
    assert "a.m." not in page
    assert "4 Nov 2026, 08:58 UTC" in text_of(desk.get(f"accounts/user/{cast.viewer.pk}/change/"))


def test_lists_are_called_by_their_records_and_filters_by_what_they_narrow(desk):
    page = text_of(desk.get("accounts/user/"))
    assert "<h1>Users</h1>" in page
    assert "<summary>Active</summary>" in page
    assert "By is active" not in page
    assert "Choose an action" in page
    assert "<h1>Audit events</h1>" in text_of(desk.get("audit/auditlog/"))


def test_our_stylesheet_is_the_last_so_that_it_wins(desk, cast):
    for path in (
        "",
        "accounts/user/",
        f"accounts/user/{cast.viewer.pk}/change/",
        f"accounts/user/{cast.viewer.pk}/delete/",
    ):
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', text_of(desk.get(path)))
        assert re.search(r"/css/admin(\.\w+)?\.css$", sheets[-1])


def test_the_words_are_those_of_the_pages(desk, cast):
    page = text_of(desk.get(f"accounts/user/{cast.viewer.pk}/change/"))
    assert "Sign out</button>" in page
    assert "Log out" not in page
    assert "E-mail:" in page
    assert "Last sign-in:" in page


def test_a_deletion_is_confirmed_with_a_verb_and_left_without_a_script(desk, cast):
    page = text_of(desk.get(f"accounts/user/{cast.viewer.pk}/delete/"))
    assert "<h1>Delete the user the-viewer?</h1>" in page
    assert 'value="Delete user"' in page
    assert f'href="/admin/accounts/user/{cast.viewer.pk}/change/" class="button cancel-link">Cancel</a>' in page
    chosen = {"action": "delete_selected", "_selected_action": [cast.viewer.pk]}
    page = text_of(desk.post("accounts/user/", **chosen))
    assert "<h1>Delete the selected user?</h1>" in page
    assert "the-viewer" in page
