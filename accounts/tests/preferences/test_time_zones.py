"""Times on pages are those of the zone that a person chose; exports, reports, mails and the API stay in UTC."""

from datetime import UTC, datetime

import pytest
from django.template import Context, Template

from accounts.models import Preferences
from accounts.preferences.services import preferences_of, save_time_zone
from accounts.preferences.time_zones import time_zone_choices
from accounts.users.erasure import erase_personal_data
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.client import page_client

NOON = datetime(2026, 11, 30, 12, 0, 5, tzinfo=UTC)


def shown(zone, form=""):
    template = Template("{% load reprotech %}{% moment value form %}")
    return template.render(Context({"value": NOON, "form": form, "time_zone": zone}))


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("", ">30 Nov 2026, 12:00 UTC<"),
        ("Europe/Berlin", ">30 Nov 2026, 13:00 CET<"),
        ("America/Sao_Paulo", ">30 Nov 2026, 09:00 UTC-03<"),
        ("Asia/Kolkata", ">30 Nov 2026, 17:30 IST<"),
        ("Pacific/Kiritimati", ">1 Dec 2026, 02:00 UTC+14<"),
        ("Atlantis/Capital", ">30 Nov 2026, 12:00 UTC<"),
        ("../../etc/passwd", ">30 Nov 2026, 12:00 UTC<"),
    ],
)
def test_a_time_is_of_the_chosen_zone_and_its_title_of_utc(zone, text):
    page = shown(zone)
    assert text in page
    assert 'datetime="2026-11-30T12:00:00+00:00"'.replace("12:00:00", "12:00:05") in page
    assert 'title="30 November 2026, 12:00:05 UTC"' in page


def test_a_day_is_that_of_the_zone():
    assert ">1 Dec 2026<" in shown("Pacific/Kiritimati", "day")


def test_the_profile_says_which_zone_and_changes_it(cast):
    browser = page_client(cast.viewer)
    profile = browser.get("/profile").content.decode()
    assert "As this device" in profile
    assert "data-zone" not in profile
    assert browser.post("/profile/time-zone", {"time_zone": "Asia/Tokyo"})["Location"] == "/profile"
    profile = browser.get("/profile").content.decode()
    assert 'data-zone="Asia/Tokyo"' in profile
    assert " JST</time>" in profile
    assert 'value="Asia/Tokyo" selected' in browser.get("/profile/time-zone").content.decode()
    browser.post("/profile/time-zone", {"time_zone": ""})
    assert "data-zone" not in browser.get("/profile").content.decode()
    assert preferences_of(cast.viewer).time_zone == ""


@pytest.mark.parametrize("zone", ["Mars/Olympus", "localtime", "../etc", "Europe/Berlin'", "x" * 10_000])
def test_an_unknown_zone_is_refused(cast, zone):
    assert page_client(cast.viewer).post("/profile/time-zone", {"time_zone": zone}).status_code == 422
    with pytest.raises(ValidationFailed):
        save_time_zone(actor=cast.viewer, time_zone=zone)
    assert not Preferences.objects.exists()


def test_exports_and_the_api_stay_in_utc(cast, super_admin):
    save_time_zone(actor=cast.super_admin, time_zone="Asia/Tokyo")
    browser = page_client(cast.super_admin)
    created = cast.viewer.created_at
    export = b"".join(browser.get("/users/export").streaming_content).decode()
    assert f"{created:%Y-%m-%dT%H:%M}" in export
    assert f"{created:%Y-%m-%dT%H:%M}" in super_admin.get(f"/api/users/{cast.viewer.pk}").json()["created_at"]


def test_regions_come_sorted_with_what_has_none_at_the_end():
    regions = [region for region, _ in time_zone_choices()]
    assert regions[0] == "Africa"
    assert regions[-1] == "Other"
    places = dict(time_zone_choices())["America"]
    assert ("America/Argentina/Buenos_Aires", "Argentina, Buenos Aires") in places


def test_erasing_a_person_removes_what_they_chose(cast):
    save_time_zone(actor=cast.viewer, time_zone="Asia/Tokyo")
    erase_personal_data(actor=cast.super_admin, user_id=cast.viewer.pk)
    assert not Preferences.objects.exists()
