"""The tabs of a person's page: what each shows to whom, its cost, and what stands in the head."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Role, Session, User
from accounts.roles.services import create_role
from accounts.users.services import create_user, delete_user, lock_user, update_user
from audit.models import AuditLog
from reprotech.testing.cast import NOBODY, PASSWORD, audit_rows
from reprotech.testing.client import Caller, page_client

TABS = ("", "/access", "/sessions", "/keys", "/activity")


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def text_of(response):
    return " ".join(response.content.decode().split())


def words_of(response):
    """What one reads, without the links in sentences."""
    return re.sub(r"<[^>]+>", "", text_of(response))


def tabs_of(page):
    return re.findall(r'id="tab-(\w+)"', page)


def head_of(page):
    return page.partition('<header class="person-head">')[2].partition("</header>")[0]


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_has_an_address_that_marks_it_as_open(cast, browser, tab):
    path = f"/users/{cast.viewer.pk}{tab}"
    page = text_of(browser.get(path))
    assert tabs_of(page) == ["overview", "access", "sessions", "keys", "history", "activity"]
    opened = re.search(r'<a id="tab-\w+" href="([^"]+)" hx-get="[^"]+" aria-current="page"', page)
    assert opened[1] == path
    assert page.count("<h1>") == 1


@pytest.mark.parametrize("tab", TABS)
def test_htmx_gets_head_tabs_and_content_and_a_restored_page_the_whole(cast, browser, tab):
    path = f"/users/{cast.viewer.pk}{tab}"
    fragment = text_of(browser.get(path, headers={"HX-Request": "true"}))
    assert fragment.startswith(("<div", "{#"))
    assert 'id="person"' in fragment
    assert "<html" not in fragment
    restored = browser.get(path, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in text_of(restored)


def test_the_tabs_count_what_they_list(cast, browser):
    assert [Caller(cast.viewer).token for _ in range(3)]
    page = text_of(browser.get(f"/users/{cast.viewer.pk}"))
    counts = dict(re.findall(r'id="tab-(\w+)"[^>]*>[^<]*<span class="tab-count">(\d+)</span>', page))
    assert counts == {"access": "1", "sessions": "3", "keys": "0"}


@pytest.mark.parametrize(
    ("tab", "most"), [("", 12), ("/access", 12), ("/sessions", 11), ("/keys", 10), ("/activity", 11)]
)
def test_a_tab_costs_the_same_for_much_as_for_little(cast, browser, tab, most):
    path = f"/users/{cast.viewer.pk}{tab}"
    assert Caller(cast.viewer).token  # an empty list isn't read after it was counted
    browser.get(path)  # whatever is read once for each process
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(path).status_code == 200
        costs.append(len(captured))
        assert [Caller(cast.viewer).token for _ in range(4)]
        names = [f"Role {n}" for n in range(4)]
        for name in names:
            Role.objects.named(name) or create_role(actor=SYSTEM, name=name, permissions=["sample_read"])
        update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["viewer", *names])
    assert costs[0] == costs[1]
    assert costs[0] <= most


def test_the_button_of_the_head_is_what_the_state_asks_for(cast, browser):
    path = f"/users/{cast.viewer.pk}"
    primary = re.compile(r'class="btn btn-primary" href="([^"?]+)')
    assert primary.search(head_of(text_of(browser.get(path))))[1] == f"{path}/edit"
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, is_active=False)
    assert primary.search(head_of(text_of(browser.get(path))))[1] == f"{path}/activate"
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    head = head_of(text_of(browser.get(path)))
    assert primary.search(head)[1] == f"{path}/unlock"
    assert "btn-primary" not in head.partition("<details")[2]
    assert head.count(f"{path}/unlock") == 1, "not in the menu too"
    assert f"{path}/edit" in head
    assert "Locked" in head


def test_whom_the_reader_may_not_change_has_no_button_for_it(cast, browser):
    head = head_of(text_of(browser.get(f"/users/{cast.super_admin.pk}")))
    assert "btn-primary" not in head
    assert "Edit" not in head
    assert "Django admin" not in head
    assert "Open in Django admin</a> </div>" in head_of(
        text_of(page_client(cast.super_admin).get(f"/users/{cast.viewer.pk}"))
    )


def test_everywhere_means_every_session_with_one_row(cast, browser):
    scripts = [Caller(cast.viewer), Caller(cast.viewer)]
    assert [script.get("/api/auth/me").status_code for script in scripts] == [200, 200]
    path = f"/users/{cast.viewer.pk}/sessions"
    assert f'href="{path}/end?next=' in text_of(browser.get(path))
    assert "Sign out" in text_of(browser.get(f"{path}/end"))
    with audit_rows() as rows:
        done = browser.post(f"{path}/end", {"next": path}, follow=True)
    assert "2 sessions ended." in text_of(done)
    assert "No active sessions" in text_of(done)
    assert [script.get("/api/auth/me").status_code for script in scripts] == [401, 401]
    assert [(row.action, row.resource_name) for row in rows] == [("session_revoke", "the-viewer")]


def test_a_super_administrator_is_not_signed_out_by_who_holds_less(cast, browser, super_admin):
    assert super_admin.get("/api/auth/me").status_code == 200
    path = f"/users/{cast.super_admin.pk}/sessions"
    assert f"{path}/end" not in text_of(browser.get(path))
    with audit_rows() as rows:
        assert browser.post(f"{path}/end").status_code == 422
    assert [row.action for row in rows] == ["access_denied"]
    assert super_admin.get("/api/auth/me").status_code == 200


def test_activity_is_of_the_person_about_them_or_both(cast, browser):
    page_client(cast.viewer)
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    path = f"/users/{cast.viewer.pk}/activity"
    shown = {show: words_of(browser.get(f"{path}?show={show}")) for show in ("all", "by", "about", "nonsense")}
    assert [("the-viewer signed in" in page, "system locked the-viewer" in page) for page in shown.values()] == [
        (True, True),
        (True, False),
        (False, True),
        (True, True),
    ]


def test_failed_sign_ins_stand_on_the_overview(cast, browser):
    page_client(cast.viewer)
    Caller().post("/api/auth/login", {"username": "the-viewer", "password": "Wrong-Horse-7"})
    found = AuditLog.objects.latest_sign_ins(cast.viewer.pk, 5)
    assert [row.success for row in found] == [False, True]
    overview = text_of(browser.get(f"/users/{cast.viewer.pk}")).partition("Recent sign-ins")[2]
    assert overview.count("Failed") == 1
    assert overview.count("Signed in") == 1


def test_the_overview_says_what_needs_attention(cast, browser):
    path = f"/users/{cast.viewer.pk}"
    page = text_of(browser.get(path))
    assert "No sign-in for 90 days" not in page
    assert "Two-factor authentication isn't set up" not in page
    long_ago = timezone.now() - timedelta(days=91)
    User.objects.filter(pk=cast.viewer.pk).update(created_at=long_ago, last_login=long_ago)
    Role.objects.filter(slug="viewer").update(requires_factor=True)
    page = text_of(browser.get(path))
    assert "No sign-in for 90 days or more." in page
    assert "Two-factor authentication isn't set up, and Viewer requires it." in page


@pytest.fixture
def account():
    return create_user(
        actor=SYSTEM, username="lims", email="lims@lab.example", roles=["viewer"], is_service=True, password=None
    )


def test_a_service_account_starts_with_its_keys(cast, browser, account):
    page = text_of(browser.get(f"/users/{account.pk}"))
    assert tabs_of(page) == ["overview", "access", "history", "activity"]
    assert "Service account" in head_of(page)
    assert "Create the first key" in page
    assert page.index("API keys") < page.index(">Account<")
    assert "Two-factor" not in page
    assert "Recent sign-ins" not in page
    assert browser.get(f"/users/{account.pk}/keys")["Location"] == f"/users/{account.pk}"


def test_a_service_account_without_a_role_is_said_to_do_nothing_but_name_itself(cast, browser, account):
    update_user(actor=SYSTEM, user_id=account.pk, roles=[])
    page = text_of(browser.get(f"/users/{account.pk}"))
    assert "its API keys can only tell which account they belong to" in page
    assert "can sign in" not in page


def test_who_reads_the_log_sees_what_it_knows_of_a_deleted_account(cast, browser):
    delete_user(actor=cast.admin, user_id=cast.viewer.pk)
    page = text_of(browser.get(f"/users/{cast.viewer.pk}"))
    assert "This account was deleted" in page
    assert "the-viewer" in page
    assert f'href="/users/{cast.admin.pk}">the-admin</a>' in page
    assert re.search(r"Roles at the time</dt> <dd> ?Viewer ?</dd>", page)
    assert "the-admin deleted the user the-viewer" in words_of(browser.get(f"/users/{cast.viewer.pk}"))
    assert f"/audit?involving={cast.viewer.pk}" in page
    for tab in (*TABS[1:], "/edit", "/lock"):
        assert browser.get(f"/users/{cast.viewer.pk}{tab}").status_code == 404


def test_for_others_a_deleted_account_is_like_one_that_never_was(cast):
    create_role(actor=SYSTEM, name="Porter", permissions=["user_read"])
    porter = create_user(
        actor=SYSTEM, username="porter", email="porter@lab.example", password=PASSWORD, roles=["porter"]
    )
    delete_user(actor=SYSTEM, user_id=cast.viewer.pk)
    browser = page_client(porter)
    pages = []
    for number in (cast.viewer.pk, NOBODY):
        answer = browser.get(f"/users/{number}")
        assert answer.status_code == 404
        pages.append(
            answer.content.decode()
            .replace(f"/users/{number}", "/users/ID")
            .partition("<main")[2]
            .partition("</main>")[0]
        )
    without_ids = [re.sub(r"[0-9a-f-]{32,36}", "", page) for page in pages]
    assert without_ids[0] == without_ids[1]
    assert page_client(cast.admin).get(f"/users/{NOBODY}").status_code == 404


def test_an_erased_account_says_no_name(cast, browser):
    from accounts.users.erasure import erase_personal_data

    erase_personal_data(actor=cast.super_admin, user_id=cast.viewer.pk)
    page = text_of(browser.get(f"/users/{cast.viewer.pk}"))
    assert "Erased account" in page
    assert "the-viewer" not in page
    assert (
        User.objects.get(pk=cast.viewer.pk).username not in page.partition("<main")[2].partition("Recent activity")[0]
    )


def test_ones_own_sessions_are_ended_on_ones_own_pages(cast):
    browser = page_client(cast.admin)
    page = text_of(browser.get(f"/users/{cast.admin.pk}/sessions"))
    assert 'href="/profile/sessions/end"' in page
    assert Session.objects.alive().filter(user=cast.admin).exists()


def test_sessions_and_keys_come_in_pages(cast, browser):
    assert {Caller(cast.viewer).token for _ in range(12)}
    path = f"/users/{cast.viewer.pk}/sessions"
    pages = [text_of(browser.get(path + query)) for query in ("", "?page=2", "?per_page=25", "?page=9")]
    assert [page.count('/end"') for page in pages[:3]] == [10, 2, 12]
    assert "There are no sessions on this page any more." in pages[3]
    assert browser.get(f"{path}?page=none").status_code == 400
    own = page_client(cast.viewer)
    for number in range(12):
        own.post("/profile/keys/new", {"name": f"Key {number}", "expires_in_days": "90"})
    assert text_of(own.get("/profile/keys")).count('/revoke"') == 10
    assert text_of(own.get("/profile/keys?page=2")).count('/revoke"') == 2
    keys = text_of(browser.get(f"/users/{cast.viewer.pk}/keys?page=2&list=search%3Da"))
    assert keys.count("Events of this key") == 2


def test_an_empty_list_says_what_can_be_done(cast, browser):
    own = page_client(cast.viewer)
    assert "No API keys yet." in text_of(own.get("/profile/keys"))
    assert "New key" in text_of(own.get("/profile/keys"))
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/keys"))
    assert "People make their own, on their profile." in page
    assert "New key" not in page
