"""The pages that import users from a CSV file: what would be created, and what is to be corrected."""

import csv
import io
import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from accounts.tests.users.test_user_files import BAD, GOOD
from accounts.users.csv.columns import IMPORT_COLUMNS
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import page_client


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def text_of(response):
    return response.content.decode()


def upload(browser, text, **headers):
    file = SimpleUploadedFile("people.csv", text.encode(), "text/csv")
    return browser.post("/users/import", {"file": file}, headers=headers)


def test_a_good_file_is_shown_and_created_when_confirmed(browser):
    shown = upload(browser, GOOD)
    page = text_of(shown)
    assert shown.status_code == 200
    assert "3 users would be created" in page
    assert "2 invited by e-mail" in page
    assert not User.objects.filter(username="ada").exists()
    response = browser.post("/users/import/confirm", {"text": GOOD})
    assert (response.status_code, response["Location"]) == (302, "/users?sort=-created_at")
    assert "3 users created. 2 invitations are on the way." in text_of(browser.get("/users"))
    assert User.objects.get(username="linus").check_password(PASSWORD)


def test_what_excel_saves_in_western_europe_is_read_and_shown(browser):
    text = "Benutzername;E-Mail;Vorname;Nachname\njorg;jorg@lab.example;Jörg;Groß\n"
    file = SimpleUploadedFile("people.csv", text.encode("cp1252"), "text/csv")
    page = text_of(browser.post("/users/import", {"file": file}))
    assert "Jörg Groß" in page
    assert browser.post("/users/import/confirm", {"text": text}).status_code == 302
    assert User.objects.get(username="jorg").last_name == "Groß"


def test_letters_of_other_encodings_are_refused(browser):
    file = SimpleUploadedFile("people.csv", "Login;E-Mail;Name\nivan;i@lab.example;Петров\n".encode("cp1251"))
    answer = browser.post("/users/import", {"file": file, "ignore_unknown_columns": "on"})
    assert answer.status_code == 422
    assert "The line has characters in another encoding than UTF-8." in text_of(answer)


def test_a_bad_file_is_explained_by_line(browser):
    response = upload(browser, BAD)
    page = text_of(response)
    assert response.status_code == 422
    assert "Nothing was imported: 8 lines need correction" in page
    assert "Line 4" in page
    assert "roles: There is no role &#x27;King&#x27;." in page
    assert "users would be created" not in page


def test_htmx_gets_the_part_and_goes_on_to_the_list(browser):
    assert text_of(upload(browser, GOOD, **{"HX-Request": "true"})).lstrip().startswith('<div id="import"')
    response = browser.post("/users/import/confirm", {"text": GOOD}, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == "/users?sort=-created_at"


def test_no_file_is_said_at_the_field(browser):
    response = browser.post("/users/import")
    assert response.status_code == 422
    assert "Choose a file." in text_of(response)


def test_what_went_wrong_since_the_preview_is_said_and_nothing_is_created(browser):
    make_user("grace")
    response = browser.post("/users/import/confirm", {"text": GOOD})
    assert response.status_code == 422
    assert "username: This username is taken." in text_of(response)
    assert not User.objects.filter(username="ada").exists()


def test_the_address_of_the_confirmation_leads_to_the_form(browser):
    assert browser.get("/users/import/confirm")["Location"] == "/users/import"


def download(browser, text, **data):
    response = browser.post("/users/import/errors", {"text": text, **data})
    if response.status_code != 200:
        return response, []
    content = b"".join(response.streaming_content).decode()
    assert content.startswith("\ufeff")
    return response, list(csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline="")))


def test_wrong_rows_are_shown_with_their_values_but_without_passwords(browser):
    page = text_of(upload(browser, "username,email,password\nab,nowhere,Secret-Word-9\n"))
    row = page.split('class="wrong-row"')[1].split("</td>")[0]
    assert re.findall(r"</span>\s*([^<]+?)\s*</span>", row) == ["ab", "nowhere"]
    assert "Secret-Word-9" not in page.split('name="text"')[0]


def test_the_rows_with_errors_are_a_file_to_correct_and_choose_again(browser):
    text = "Login;E-mail;Vorname;Shoe size\ngood.one;good@lab.example;Good;40\nab;ab@lab.example;Ada;41\n"
    assert "Download the rows with errors" in text_of(
        browser.post(
            "/users/import",
            {"file": SimpleUploadedFile("a.csv", text.encode()), "ignore_unknown_columns": "on"},
        )
    )
    response, (header, *rows) = download(browser, text, ignore_unknown_columns="true")
    assert response["Content-Disposition"] == 'attachment; filename="users-to-correct.csv"'
    assert header == ["Login", "E-mail", "Vorname", "Shoe size", "errors"]
    assert rows == [["ab", "ab@lab.example", "Ada", "41", "username: Use at least 3 characters."]]
    # Corrected and sent again, the column of errors is no obstacle; sent uncorrected, it isn't there twice.
    corrected = f"{','.join(header)}\nabc,ab@lab.example,Ada,41,{rows[0][-1]}\n"
    assert (
        browser.post("/users/import/confirm", {"text": corrected, "ignore_unknown_columns": "true"}).status_code == 302
    )
    _, (header, *rows) = download(browser, "username,email,errors\nab,ab@lab.example,old\n")
    assert (header, rows) == (["username", "email", "errors"], [["ab", "ab@lab.example", rows[0][-1]]])


def test_the_file_of_wrong_rows_starts_no_formula_and_keeps_no_password(browser):
    text = "username,email,first_name,password\nab,\"=cmd|' /C calc'!A0\",'=1,Secret-Word-9\n"
    _, (_, row) = download(browser, text)
    assert row[1] == "'=cmd|' /C calc'!A0"
    assert row[2] == "'=1"  # as an import read it: the apostrophe is the escape, not a part of the name
    assert row[3] == ""
    assert row[4].splitlines()[-1].startswith("password: It is left out here.")
    assert "Secret-Word-9" not in str(row)


def test_a_download_of_a_file_that_cant_be_read_or_has_no_errors_says_so(browser):
    response, _ = download(browser, "no such columns\n")
    assert response.status_code == 422
    assert "This line must name the columns" in text_of(response)
    assert "Download the rows with errors" not in text_of(response)
    response, _ = download(browser, GOOD)
    assert (response.status_code, response["Location"]) == (302, "/users/import")
    assert not User.objects.filter(username="ada").exists()


def test_the_template_has_the_columns_and_the_page_offers_it(browser):
    response = browser.get("/users/import/template")
    assert b"".join(response.streaming_content).decode() == "\ufeff" + f"{','.join(IMPORT_COLUMNS)}\r\n"
    page = text_of(browser.get("/users/import"))
    assert re.search(r'href="/users/import/template"\s+download', page)
    assert 'class="drop-field"' in page


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"\xff\xd8\xff\xe0", "an image"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "an image"),
        (b"\0\0\0\x18ftypheic", "an image"),
        (b"PK\x03\x04........[Content_Types].xml....xl/workbook.xml", "an Excel workbook"),
        (
            b"PK\x03\x04........mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "an OpenDocument spreadsheet",
        ),
        (b"PK\x03\x04", "a workbook or an archive"),
        (b"%PDF-1.7", "a PDF file"),
    ],
)
def test_a_file_of_another_kind_is_named_and_what_to_do_is_said(browser, content, kind):
    page = unescape(text_of(browser.post("/users/import", {"file": SimpleUploadedFile("people.csv", content)})))
    assert f"This is {kind}, not a CSV file. " in page
    assert "CSV UTF-8" in page.split("not a CSV file. ")[1].split("</div>")[0]
