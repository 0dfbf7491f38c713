"""The page that brings people up to date with a list: what is shown before, and what a confirmation does."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from accounts.onboarding.leavers import remember_people
from accounts.onboarding.updating import views
from audit.models import AuditLog
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client

LIST = """Personalnummer;Nachname;Vorname;E-Mail;Rolle
1;Vogt;Lena;lena.vogt@lab.example;Viewer
2;Viewer;Vera;the-viewer@lab.example;Researcher
"""
CHOSEN = {"list": "HR", "leavers": "on", "with_roles": "on"}


@pytest.fixture
def browser(cast):
    """The Super Administrator's; four people stood in HR's last file."""
    people = [cast.viewer, cast.manager, cast.researcher, cast.super_admin]
    remember_people("HR", [user.pk for user in people])
    return page_client(cast.super_admin)


def text_of(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def compare(browser, text=LIST, **chosen):
    file = SimpleUploadedFile("hr.csv", text.encode(), "text/csv")
    return browser.post("/users/import/update", {"file": file, **(chosen or CHOSEN)})


def confirm(browser, text=LIST, **sent):
    data = {**CHOSEN, "text": text, "filename": "hr.csv", **sent}
    return browser.post("/users/import/update/confirm", data)


def test_a_list_is_shown_and_nothing_happens(cast, browser):
    response = compare(browser)
    said = text_of(response)
    assert response.status_code == 200
    for words in (
        "1 new user They are created",
        "Lena Vogt @lena.vogt",
        "“Nachname” is last name",
        "Left out: “Personalnummer”",
        "First name none → Vera",
        "gets Researcher",
        "loses Viewer",
        "in the file Accounts that are ticked end at the end of ",
        "Stays. This is your own account.",
        "2 of 4 is more than a tenth of HR.",
    ):
        assert words in said
    assert len(re.findall(r'name="end"\s+value="\d+"\s+checked', response.content.decode())) == 2
    assert not User.objects.filter(username="lena.vogt").exists()
    assert User.objects.get(pk=cast.viewer.pk).first_name == ""


def test_what_was_ticked_ends_once_the_number_is_typed(cast, browser):
    ticked = {"end": [str(cast.manager.pk)]}
    sentences = {"": "more than a tenth", "2": "another number was confirmed", "x": "number of ticks"}
    for number, sentence in sentences.items():
        response = confirm(browser, **ticked, confirm_leavers=number)
        page = response.content.decode()
        assert response.status_code == 422
        assert sentence in page
        assert 'href="#id_confirm_leavers"' in page
        # The ticks stay as they were.
        assert re.findall(r'name="end"\s+value="(\d+)"\s+checked', page) == [str(cast.manager.pk)]
        assert not User.objects.filter(username="lena.vogt").exists()
    response = confirm(browser, **ticked, confirm_leavers="1", filename="hr\7.csv")
    assert (response.status_code, response["Location"]) == (302, "/users?sort=-updated_at")
    assert [bool(User.objects.get(pk=user.pk).ends_at) for user in (cast.manager, cast.researcher)] == [True, False]
    assert "The list was imported: 1 created, 1 changed, 1 ended." in text_of(browser.get("/users"))
    event = AuditLog.objects.filter(action="import").first()
    assert (event.details["file"], event.details["columns"]["Nachname"]) == ("hr.csv", "last_name")


def test_roles_and_leavers_count_only_where_they_were_chosen(cast, browser):
    said = text_of(compare(browser, list="HR"))
    assert "loses" not in said
    assert "in the file" not in said.replace("as in the file", "")
    assert confirm(browser, leavers="", with_roles="").status_code == 302
    assert [role.slug for role in User.objects.get(pk=cast.viewer.pk).roles.all()] == ["viewer"]
    assert not User.objects.filter(ends_at__isnull=False).exists()
    assert "Nothing to do: everybody is as in the file" in text_of(compare(browser, list="HR"))


def test_what_is_wrong_is_said_by_line(cast, browser):
    response = compare(browser, LIST + "3;X;Y;nowhere;King\n")
    assert response.status_code == 422
    assert "Line 4" in text_of(response)
    assert "download" not in text_of(response).lower()
    response = confirm(browser, LIST + "3;X;Y;nowhere;King\n", confirm_leavers="2")
    assert response.status_code == 422
    assert not User.objects.filter(username="lena.vogt").exists()
    assert compare(browser, "a;b\n1;2\n").status_code == 422
    assert browser.post("/users/import/update", CHOSEN).status_code == 422
    assert compare(browser, last_day="2020-01-31", **CHOSEN).status_code == 422
    assert browser.get("/users/import/update/confirm")["Location"] == "/users/import/update"


def test_so_many_leavers_are_no_job_for_a_page(cast, browser, monkeypatch):
    monkeypatch.setattr(views, "MAX_TICKS", 1)
    assert "more than this page can show" in text_of(compare(browser))


def test_it_takes_all_three_rights(cast, make_role):
    make_role("Half", "user_update", "user_read")
    half = page_client(make_user("the-half", "Half"))
    assert half.get("/users/import/update").status_code == 403
    assert compare(half).status_code == 403
    assert "/users/import/update" in page_client(cast.admin).get("/users/import").content.decode()
    make_role("Host", "user_create", "user_read")
    host = page_client(make_user("the-host", "Host"))
    assert "/users/import/update" not in host.get("/users/import").content.decode()
