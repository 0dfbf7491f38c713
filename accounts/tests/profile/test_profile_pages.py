"""One's own account: data, permissions and sessions."""

import pytest

from accounts.access.authorization import SYSTEM
from accounts.models import Session
from accounts.sessions.user_agent import client_name
from accounts.users.services import update_user
from audit.presentation.event_text import sentence
from reprotech.testing.cast import NOBODY, audit_rows
from reprotech.testing.client import Caller, page_client

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


def text_of(response):
    return response.content.decode()


@pytest.fixture
def browser(cast):
    return page_client(cast.viewer)


def test_everyone_sees_their_own_data_roles_and_permissions(cast, browser):
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, first_name="Name", last_name="Viewer")
    page = text_of(browser.get("/profile"))
    assert "Name Viewer" in page
    assert "the-viewer@lab.example" in page
    assert 'href="/password"' in page
    assert "/roles/" not in page
    access = text_of(browser.get("/profile/access"))
    assert "8 of 39 permissions" in access
    assert "Genomics" in access
    assert "/roles/" not in access


def test_someone_without_a_role_is_shown_what_to_do(cast):
    assert "You have no role yet" in text_of(page_client(cast.stranger).get("/profile"))


def test_sessions_are_listed_by_client_with_a_mark_on_this_one(cast, browser):
    Session.objects.filter(pk=Caller(cast.viewer).signed_in.session.pk).update(user_agent=FIREFOX)
    page = text_of(browser.get("/profile/sessions"))
    assert "Firefox 133 on Linux" in page
    assert "API token" in page
    assert page.count("This device") == 1
    assert "the-admin" not in page


def test_one_session_is_ended(cast, browser):
    script = Caller(cast.viewer)
    with audit_rows() as rows:
        response = browser.post(f"/profile/sessions/{script.signed_in.session.pk}/end", follow=True)
    assert "Session ended." in text_of(response)
    assert script.get("/api/auth/me").status_code == 401
    assert [row.action for row in rows] == ["session_revoke"]


def test_the_session_of_someone_else_is_not_there(cast, super_admin):
    browser = page_client(cast.admin)
    assert browser.post(f"/profile/sessions/{super_admin.signed_in.session.pk}/end").status_code == 404
    assert super_admin.get("/api/auth/me").status_code == 200


def test_all_other_sessions_are_ended_once_asked_for_with_one_row(cast, browser, admin):
    scripts = [Caller(cast.viewer), Caller(cast.viewer)]
    assert [script.get("/api/auth/me").status_code for script in scripts] == [200, 200]
    assert admin.get("/api/auth/me").status_code == 200
    assert "2 other sessions end at once" in " ".join(text_of(browser.get("/profile/sessions/end")).split())
    assert Session.objects.filter(ended_at__isnull=False).count() == 0
    with audit_rows() as rows:
        response = browser.post("/profile/sessions/end", follow=True)
    assert "Signed out of 2 other sessions. You stay signed in here." in text_of(response)
    assert [script.get("/api/auth/me").status_code for script in scripts] == [401, 401]
    assert admin.get("/api/auth/me").status_code == 200
    assert [(row.action, row.resource, row.details) for row in rows] == [
        ("session_revoke", "session", {"ended_sessions": 2})
    ]
    assert sentence(rows[0]) == "the-viewer ended their 2 other sessions"


def test_with_one_session_there_is_nothing_to_end(browser):
    assert "Sign out other sessions" not in text_of(browser.get("/profile/sessions"))
    with audit_rows() as rows:
        assert browser.post("/profile/sessions/end").status_code == 302
    assert rows == []
    assert browser.get("/profile").status_code == 200


def test_the_api_ends_all_other_sessions_too(cast, browser):
    caller, other = Caller(cast.viewer), Caller(cast.viewer)
    assert other.get("/api/auth/me").status_code == 200
    for ended in (2, 0):  # the page's and the other script's
        response = caller.delete("/api/auth/sessions")
        assert response.status_code == 200
        assert response.json() == {"message": "Sessions ended successfully", "ended": ended}
    assert other.get("/api/auth/me").status_code == 401
    assert browser.get("/profile").status_code == 302


def test_htmx_gets_the_open_tab_and_a_restored_page_the_whole(browser):
    fragment = text_of(browser.get("/profile/sessions?page=1", headers={"HX-Request": "true"}))
    assert "<html" not in fragment
    assert 'id="person"' in fragment
    assert "<html" in text_of(
        browser.get("/profile/sessions", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    )


def test_many_sessions_cost_as_many_queries_as_one(cast, browser, django_assert_max_num_queries):
    for _ in range(12):
        assert Caller(cast.viewer).token
    with django_assert_max_num_queries(7):
        page = text_of(browser.get("/profile/sessions"))
    assert "of 13" in page
    assert page.count("<tr>") == 11


@pytest.mark.parametrize("path", ["/profile/sessions?page=0", f"/profile/sessions?sort={NOBODY}"])
def test_a_wrong_address_is_explained(browser, path):
    assert browser.get(path).status_code == 400


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox 133 on Linux"),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
                "Safari/537.36 Edg/131.0.0.0"
            ),
            "Edge 131 on Windows",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                "Version/18.1 Mobile/15E148 Safari/604.1"
            ),
            "Safari 18 on iPhone",
        ),
        (
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile "
                "Safari/537.36"
            ),
            "Chrome 131 on Android",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("lab-script/1.0 (night run)", "lab-script/1.0"),
        ("", "Unknown client"),
        ("x" * 500, "x" * 48),
    ],
)
def test_a_client_is_named_as_its_owner_knows_it(agent, name):
    assert client_name(agent) == name
