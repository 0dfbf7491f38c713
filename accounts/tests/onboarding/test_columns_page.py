"""HR's file as it is: the page asks once which column is what, and which role a word means."""

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Preferences, User
from reprotech.testing.client import page_client

HEADER = "Nachname;Vorname;Dienstl. E-Mail;Stelle;Eintritt;Kostenstelle"
HR = f"""{HEADER}
Müller;Jörg;joerg@lab.example;Laborant;01.02.2027;4711
Groß;Anna;anna@lab.example;Viewer;15.02.2027;4712
Groß;Anna;anna2@lab.example;Praktikant;15.02.2027;4712
"""
COLUMNS = {"column-0": "last_name", "column-1": "first_name", "column-2": "email", "column-3": "roles"}
COLUMNS |= {"column-4": "starts_at", "column-5": ""}
WORDS = {"word-0": "lab_technician", "word-1": "-"}


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def page_of(response):
    return unescape(response.content.decode())


def upload(browser, text=HR, encoding="cp1252"):
    return browser.post("/users/import", {"file": SimpleUploadedFile("Eintritte.csv", text.encode(encoding))})


def choose(browser, **data):
    return browser.post("/users/import/columns", {"text": HR, "filename": "Eintritte.csv", **COLUMNS, **data})


def chosen_options(page):
    return re.findall(r'<option value="([^"]*)"\s+selected', page)


def usernames(page):
    return re.findall(r'name="username-\d+"\s+value="([^"]*)"', page)


def sent_text(page):
    return page.partition('name="text" hidden>\n')[2].partition("</textarea>")[0]


def test_the_page_guesses_and_shows_samples(browser):
    answer = upload(browser)
    page = page_of(answer)
    assert (answer.status_code, "Which column is what?" in page) == (200, True)
    assert chosen_options(page)[:6] == ["last_name", "first_name", "", "roles", "starts_at", ""]
    assert "joerg@lab.example, anna@lab.example" in page
    assert not User.objects.filter(email="joerg@lab.example").exists()


def test_a_heading_that_is_guessed_in_full_needs_one_step(browser):
    page = page_of(upload(browser, HR.replace("Dienstl. E-Mail", "Dienstliche E-Mail")))
    assert chosen_options(page)[:3] == ["last_name", "first_name", "email"]


def test_words_of_roles_are_asked_about_and_nothing_is_made(browser):
    answer = choose(browser)
    page = page_of(answer)
    assert (answer.status_code, "Which role is what?" in page) == (200, True)
    assert re.findall(r'<label for="word-\d">([^<]+)', page) == ["Laborant", "Praktikant"]
    assert "Nothing was imported" not in page
    refused = choose(browser, **{"word-0": "lab_technician", "word-1": ""})
    assert refused.status_code == 422
    assert "Say what “Praktikant” means, or choose that it is no role." in page_of(refused)
    assert "lab_technician" in chosen_options(page_of(refused))


def test_what_is_shown_is_what_is_created(browser):
    page = page_of(choose(browser, **WORDS))
    assert "3 users would be created" in page
    assert usernames(page) == ["jorg.muller", "anna.gross", "anna.gross2"]
    typed = {"username-2": "jm"}
    body = {"text": sent_text(page), "has_proposals": "true", "filename": "Eintritte.csv"}
    refused = browser.post("/users/import/confirm", {**body, **typed})
    assert refused.status_code == 422
    assert usernames(page_of(refused))[0] == "jm"  # to be corrected where it was typed
    assert "username: Use at least 3 characters." in page_of(refused)
    assert "Every row is fine" not in page_of(refused)
    done = browser.post("/users/import/confirm", {**body, "username-2": "jmueller"})
    assert done.status_code == 302
    made = User.objects.get(email="joerg@lab.example")
    assert (made.username, made.full_name) == ("jmueller", "Jörg Müller")
    assert [role.slug for role in made.roles.all()] == ["lab_technician"]
    assert made.starts_at.date().isoformat() in {"2027-01-31", "2027-02-01"}
    assert not User.objects.get(email="anna2@lab.example").roles.exists()


def test_the_next_file_of_these_columns_goes_straight_to_the_preview(browser, cast):
    choose(browser, **WORDS)
    other = HR.replace("Müller", "Maier").replace("joerg@", "maier@")
    page = page_of(upload(browser, other))
    assert "3 users would be created" in page
    assert "Change the columns" in page
    again = page_of(browser.post("/users/import/columns", {"text": other, "again": "true"}))
    assert chosen_options(again)[:3] == ["last_name", "first_name", "email"]
    # A word that is new is asked about, with the others as they were.
    page = page_of(upload(browser, HR.replace("Praktikant", "Doktorand")))
    assert re.findall(r'<label for="word-\d">([^<]+)', page) == ["Doktorand", "Laborant"]
    assert "lab_technician" in chosen_options(page)
    # It is theirs alone.
    assert "Which column is what?" in page_of(upload(page_client(cast.super_admin)))


def test_a_list_that_updates_is_read_by_what_was_chosen(browser, cast):
    data = {"list": "HR", "with_roles": "on"}

    def compare(browser):
        file = SimpleUploadedFile("Liste.csv", HR.encode("cp1252"))
        return page_of(browser.post("/users/import/update", {**data, "file": file}))

    assert "email" in compare(browser)  # that heading can't be guessed
    choose(browser, **WORDS)
    page = compare(browser)
    assert "3 new" in page
    assert "Laboratory Technician" in page
    assert "3 new" not in compare(page_client(cast.super_admin))


def test_only_the_last_files_are_remembered(browser, cast):
    for number in range(12):
        text = f"Nachname;E-Mail;Spalte {number}\nMaier;m{number}@lab.example;x\n"
        chosen = {"column-0": "last_name", "column-1": "email", "column-2": ""}
        browser.post("/users/import/columns", {"text": text, **chosen})
    assert len(Preferences.objects.get(user_id=cast.admin.pk).lists["import"]) == 10


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"column-5": "email"}, "“Dienstl. E-Mail” and “Kostenstelle” can't both be email. Leave one of them out."),
        ({"column-2": ""}, "email"),
        ({"column-2": "is_active"}, "email"),
        ({"column-4": "ends_at", "column-2": "email", "column-5": "starts_at"}, "starts_at: "),
    ],
)
def test_choices_that_do_not_go_together_are_refused(browser, chosen, sentence):
    answer = choose(browser, **WORDS, **chosen)
    assert answer.status_code == 422
    assert sentence in page_of(answer)
    assert "Which column is what?" in page_of(answer)
    assert not Preferences.objects.exists()


def test_days_that_can_be_read_two_ways_are_asked_about(browser):
    text = "Surname,Work e-mail,Hire date\nMay,may@lab.example,03/04/2027\n"
    data = {"text": text, "column-0": "last_name", "column-1": "email", "column-2": "starts_at"}
    answer = browser.post("/users/import/columns", data)
    assert answer.status_code == 422
    assert "can be read with the day first" in page_of(answer)
    page = page_of(browser.post("/users/import/columns", {**data, "day_order": "day_first"}))
    assert "1 user would be created" in page
    assert "2027-04-0" in sent_text(page)


def test_a_role_that_one_may_not_give_is_neither_offered_nor_given(browser):
    assert 'value="super_admin"' not in page_of(choose(browser))
    answer = choose(browser, **{**WORDS, "word-0": "super_admin"})
    assert answer.status_code == 422
    assert "Say what “Laborant” means" in page_of(answer)


def test_a_formula_and_a_person_who_is_there_are_refused_by_line(browser):
    text = HR.replace("Jörg", "=1+1").replace("anna2@", "anna@")
    answer = browser.post("/users/import/columns", {"text": text, **COLUMNS, **WORDS})
    assert answer.status_code == 422
    assert "This is a formula" in page_of(answer)


def test_a_first_line_without_headings_is_explained_as_ever(browser):
    assert "This line must name the columns" in page_of(upload(browser, "a,b\nc,d\n"))


def test_a_file_that_got_lost_can_be_chosen_again(browser):
    answer = browser.post("/users/import/columns", {"text": ""})
    assert answer.status_code == 422
    assert 'type="file"' in page_of(answer)


def test_those_who_may_not_create_users_get_nothing(cast):
    assert page_client(cast.viewer).post("/users/import/columns", {"text": HR}).status_code == 403
