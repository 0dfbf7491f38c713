"""The pages that say who had access, and one person's history."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from access_history.models import HistoryState
from access_history.projection.progress import Progress
from accounts.models import Role
from accounts.roles import services as role_services
from accounts.users import services as user_services
from audit.presentation.event_text import sentence
from audit.sealing.sealer import Sealer
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import page_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(cast):
    client = page_client(cast.super_admin)
    return client.get


def text_of(response, status=200):
    assert response.status_code == status, response.content
    return response.content.decode()


def test_the_page_answers_for_today_and_says_what_it_rests_on(page, cast):
    Sealer().seal()
    shown = text_of(page("/access"))
    assert cast.viewer.full_name in shown
    assert "Every event behind this page is sealed" in shown
    make_user("brand.new", "Viewer", first_name="Brand", last_name="New")
    shown = text_of(page("/access?user=brand.new"))
    assert "1 event not sealed yet" in shown
    assert "All day" not in shown
    assert "Researcher" not in shown.partition("<table")[2]


def test_a_time_of_day_is_one_of_the_laboratory(page, cast, settings):
    settings.LAB_TIME_ZONE = "Europe/Berlin"
    assert "there was no such time" in text_of(page("/access?on=2026-03-29&time=02:30"), 422)
    assert "Give a time of day" in text_of(page("/access?on=2026-03-29&time=25:00"), 422)
    assert "Give a day that exists" in text_of(page("/access?on=2026-02-30&time=12:00"), 422)
    assert "Give a day that exists" in text_of(page("/access?on=2026-02-30"), 422)
    # To the microsecond: at the beginning of this second the log may not have begun.
    moment = datetime.now(UTC)
    shown = text_of(page(f"/access?at={moment:%Y-%m-%dT%H:%M:%S.%fZ}&user={cast.viewer.username}"))
    assert 'name="time"' in shown
    assert f'value="{moment.astimezone(ZoneInfo(settings.LAB_TIME_ZONE)):%Y-%m-%d}"' in shown


def test_what_the_last_check_found_is_said(page, cast):
    page("/access")
    HistoryState.objects.update(difference_count=2)
    assert "The access history differs in 2 places" in text_of(page("/access"))


def test_nobody_and_an_empty_page_lead_on(page, cast):
    role_services.create_role(actor=cast.super_admin, name="Nobody's", description="", permissions=["sample_read"])
    assert "Nobody had such access then." in text_of(page("/access?role=Nobody%27s"))
    assert "Go to the first page" in text_of(page("/access?page=900"))
    part = text_of(page("/access?per_page=10", headers={"HX-Request": "true"}))
    assert part.lstrip().startswith('<section id="access"')
    assert "<html" not in part


def test_the_file_and_the_report_are_on_record_and_have_the_checkpoint(page, cast):
    Sealer().seal()
    with audit_rows() as rows:
        file = page("/access?role=viewer&format=csv")
        body = b"".join(file.streaming_content).decode()
        report = text_of(page("/access/report?role=viewer"))
    assert body.startswith("\ufeffid,username,full_name,status,")
    assert cast.viewer.username in body
    assert "Signed note" in report
    assert "Role: viewer" in report
    assert cast.viewer.username in report
    assert cast.manager.username not in report
    exports = [row for row in rows if row.action == "export"]
    day = exports[0].details["filters"]["on"]
    assert [sentence(row) for row in exports] == [
        f"the-super_admin exported who had access on {day} (1 account) as CSV",
        f"the-super_admin made a report of who had access on {day} (1 account)",
    ]
    assert "There is no role of this name" in text_of(page("/access/report?role=nonsense"), 422)


def test_who_may_read_only_one_of_log_and_users_is_refused_and_sees_no_link(cast):
    role_services.create_role(actor=cast.super_admin, name="Log", description="", permissions=["audit_read"])
    role_services.create_role(actor=cast.super_admin, name="People", description="", permissions=["user_read"])
    for name in ("Log", "People"):
        client = page_client(make_user(f"half.{name.lower()}", name))
        for address in ("/access", "/access/report", f"/users/{cast.viewer.pk}/history"):
            assert client.get(address).status_code == 403, (name, address)
        assert 'href="/access' not in client.get("/").content.decode()
        assert "/access" not in client.get("/search?q=who+had+access").content.decode()
    assert 'href="/access' not in page_client(make_user("half.again", "People")).get("/users").content.decode()


def test_users_roles_permissions_and_search_lead_to_it(page, cast):
    viewer = Role.objects.get(slug="viewer")
    assert 'href="/access"' in text_of(page("/users"))
    assert 'href="/access?role=viewer"' in text_of(page(f"/roles/{viewer.pk}"))
    assert 'href="/access?permission=user_read"' in text_of(page("/permissions/user_read"))
    assert "Who had access on a day" in text_of(page("/search?q=who+had+access"))


def test_a_persons_history_has_each_role_with_its_time_who_gave_it_and_why(page, cast, one_day):
    admin = cast.super_admin
    person = make_user("chioma", "Viewer", first_name="Chioma", last_name="Okafor")
    user_services.update_user(actor=admin, user_id=person.pk, roles=["Researcher"])
    user_services.lock_user(actor=admin, user_id=person.pk)
    user_services.unlock_user(actor=admin, user_id=person.pk)
    user_services.update_user(actor=admin, user_id=person.pk, last_name="Eze")
    shown = text_of(page(f"/users/{person.pk}/history"))
    assert f"Access of Chioma Eze, {datetime.now(UTC):%Y} to today" in shown
    for words in ("Account created", "Locked", "Unlocked", "Name changed from Chioma Okafor to Chioma Eze"):
        assert words in shown
    assert "given by the-super_admin" in shown
    assert "given by system" in shown
    assert 'aria-current="page">Access history' in shown

    user_services.delete_user(actor=admin, user_id=person.pk)
    shown = text_of(page(f"/users/{person.pk}/history"))
    assert "Account deleted" in shown
    assert "Chioma Eze" in shown
    assert "Deleted since" in text_of(page(f"/access?user={person.pk}"))
    assert page("/users/999999999/history").status_code == 404


def test_a_history_that_is_still_being_built_says_until_when(page, cast, monkeypatch):
    until = datetime(2026, 3, 3, 12, tzinfo=UTC)
    text_of(page("/access"))
    for module in ("questions.answers", "pages.history_views"):
        monkeypatch.setattr(
            f"access_history.{module}.catch_up", lambda **_: Progress(last_event=1, begins_at=until, complete_to=until)
        )
    for address in ("/access", f"/users/{cast.viewer.pk}/history"):
        assert "The history is complete until" in text_of(page(address))
    assert "Complete until" in text_of(page("/access/report"))
