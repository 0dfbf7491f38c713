"""Files as spreadsheets and scripts write them, and what each becomes: users, or a sentence, never an assumption."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Role, User
from accounts.users.csv.parser import parse_users
from accounts.users.csv.table import MAX_BYTES
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.cast import make_user
from reprotech.testing.client import error_of, page_client

FILES = Path(__file__).parent / "csv_files"

MUELLER = ("jmueller", "j.mueller@lab.example", "Jörg", "Müller", ("Researcher", "Viewer"), True)
OBRIEN = ("obrien", "obrien@lab.example", "Aoife", "O'Brien", ("Viewer",), False)
NGUYEN = ("nguyen", "nguyen@lab.example", "Thị Hạnh", "Nguyễn", (), True)
PEOPLE = [MUELLER, OBRIEN, NGUYEN]
WITHOUT_ROLES = [(*person[:4], (), person[5]) for person in PEOPLE]

NAMES = "username, email, first_name, last_name, roles, is_active, password, starts_at, ends_at"
NO_HEADER = f"This line must name the columns: {NAMES}. It reads "
CHOOSE = "Choose a file with the people as text, such as a spreadsheet saved as “CSV UTF-8”."
SAVE = "In the spreadsheet program, save it as “CSV UTF-8”."
LEAVE_OUT = "tick “Leave out other columns” (API: ignore_unknown_columns=true)."
NO_USERNAME = (
    "There is no column username. Add one with that name. "
    "The part of the e-mail address before the @ often is a good username."
)
OTHER_COLUMNS = (
    "These columns have no place here: “Personnel no.”, “Department”, “Start date”. "
    f"Rename them to one of {NAMES}, remove them, or {LEAVE_OUT}"
)

#: A list: exactly these users. A dictionary: refused, by `file` or line, with these sentences.
BECOMES = {
    "excel-us-csv-utf-8.csv": PEOPLE,
    "excel-de-csv-utf-8.csv": PEOPLE,
    "excel-de-sep-line.csv": PEOPLE,
    "excel-sep-line-tab.csv": PEOPLE,
    "excel-sep-line-contradicted.csv": {
        "line 1": ["The line says that commas separate the cells, but semicolons do. Correct or remove it."]
    },
    "excel-sep-line-unknown.csv": {
        "line 1": ["The cells are separated by “:”. Use commas, semicolons or tabs."],
    },
    "excel-unicode-text.txt": PEOPLE,
    "excel-us-csv-cp1252.csv": {"line 2": [f"The line has characters in another encoding than UTF-8. {SAVE}"]},
    "excel-mac-cr.csv": PEOPLE,
    "excel-empty-columns-and-rows.csv": PEOPLE,
    "excel-short-rows.csv": PEOPLE,
    "excel-line-breaks-in-cells.csv": PEOPLE,
    "excel-text-formulas.csv": [("007", "bond@lab.example", "James", "Bond", (), True)],
    "excel-formula.csv": {"line 2": ["email: This is a formula. Save the file with what the formula gives."]},
    "excel-cell-errors.csv": {
        "line 2": ["first_name: “#NAME?” is an error of the spreadsheet. Correct the cell."],
        "line 3": ["last_name: “#NV” is an error of the spreadsheet. Correct the cell."],
    },
    "excel-shortened-number.csv": {
        "line 2": ["username: “1.23457E+11” is a number that a spreadsheet shortened. Format the column as text."],
        "line 3": ["username: “1,23457E+11” is a number that a spreadsheet shortened. Format the column as text."],
    },
    "excel-decimal-comma.csv": {
        "line 1": [
            f"This column has no place here: “Working hours”. Rename it to one of {NAMES}, remove it, or {LEAVE_OUT}"
        ]
    },
    "excel-title-row.csv": {"line 1": [f"{NO_HEADER}“New staff, September”."]},
    "hr-spreadsheet.csv": {
        "line 1": [
            NO_USERNAME,
            OTHER_COLUMNS,
        ]
    },
    "hr-spreadsheet-with-usernames.csv": {"line 1": [OTHER_COLUMNS]},
    "libreoffice.csv": PEOPLE,
    "libreoffice-all-quoted.csv": PEOPLE,
    "libreoffice-tabs.csv": PEOPLE,
    "libreoffice-utf-16.csv": PEOPLE,
    "libreoffice-bars.csv": PEOPLE,
    "libreoffice-roles-with-commas.csv": PEOPLE,
    "google-sheets.csv": PEOPLE,
    "numbers-de.csv": PEOPLE,
    "numbers-table-name.csv": {"line 1": [f"{NO_HEADER}“Table 1”."]},
    "pandas.csv": PEOPLE,
    "pandas-index.csv": PEOPLE,
    "pandas-index-read-again.csv": PEOPLE,
    "pandas-shuffled-index.csv": {
        "line 1": [f"Column 1 has no name, but text in its cells. Name it, remove it, or {LEAVE_OUT}"]
    },
    "pandas-nan.csv": {"line 4": ["roles: “NaN” is what programs write for an empty cell. Leave the cell empty."]},
    "pandas-float-booleans.csv": PEOPLE,
    "openpyxl.csv": PEOPLE,
    "powershell-type-line.csv": WITHOUT_ROLES,
    "powershell-unicode.csv": WITHOUT_ROLES,
    "powershell-5-ascii.csv": {
        "line 2": [
            f"first_name: “J?rg” lost a letter when it was saved. {SAVE}",
            f"last_name: “M?ller” lost a letter when it was saved. {SAVE}",
        ]
    },
    "blank-before-quotes.csv": PEOPLE,
    "mixed-separators.csv": {
        "line 1": ["The columns are separated by commas and by semicolons. Use one of them in the whole file."]
    },
    "same-column-twice.csv": {
        "line 1": ["The column first_name is there twice: “First name” and “Given name”. Keep one."]
    },
    "unquoted-roles.csv": {
        "line 2": [
            "The line has 4 cells, but the header has 3. Put a cell that has semicolons in it between quotation marks."
        ]
    },
    "open-quotation-mark.csv": {"line 2": ["A cell begins with a quotation mark here that no other one closes."]},
    "lone-quotation-mark.csv": {
        "line 2": ["A quotation mark stands alone within a quoted cell. Write it twice, or leave it out."]
    },
    "cut-off.csv": {
        "line 3": ["The file ends within this line: it has 2 of 4 cells. Save or send the file again."],
    },
    "no-header.csv": {"line 1": [f"{NO_HEADER}“ada”, “ada@lab.example”, “Ada”, “Berg”."]},
    "status-contradicts.csv": {
        "line 2": ["status: It says inactive, but is_active says true. Correct one of them."],
    },
    "status-alone.csv": [
        ("ada", "ada@lab.example", "", "", (), False),
        ("linus", "linus@lab.example", "", "", (), True),
    ],
    "unnamed-column.csv": {
        "line 1": [f"Column 2 has no name, but text in its cells. Name it, remove it, or {LEAVE_OUT}"]
    },
    "separators-alone.csv": {"line 1": [f"{NO_HEADER}“,,,”."]},
    "json-lines.csv": {"line 1": [f'{NO_HEADER}“{{"username": "ada", "email": "ada@lab.ex…”.']},
    "web-page.csv": {"file": [f"This is a web page, not a CSV file. {SAVE}"]},
    "workbook.csv": {"file": [f"This is a workbook or an archive, not a CSV file. {SAVE}"]},
    "old-workbook.csv": {"file": [f"This is an Excel workbook, not a CSV file. {SAVE}"]},
    "document.csv": {"file": [f"This is a PDF file, not a CSV file. {CHOOSE}"]},
    "utf-16-without-mark.csv": {"line 3": [f"The line has characters in another encoding than UTF-8. {SAVE}"]},
    "wrong-encoding.csv": {
        "line 2": [f"last_name: “MÃ¼ller” seems to be “Müller” in a wrong encoding. {SAVE}"],
    },
    "own-export.csv": [("-minus", "+plus@lab.example", "=1+1", "'t Hooft", ("Viewer",), True)],
}


def outcome(content, **options):
    """The users of a file, or what is wrong with it as a whole or with its lines."""
    try:
        users = parse_users(content, **options).users
    except ValidationFailed as refusal:
        return refusal.errors
    problems = {f"line {user.line}": list(user.problems) for user in users if user.problems}
    return problems or [
        (
            *(user.fields[name] for name in ("username", "email", "first_name", "last_name")),
            user.roles,
            user.fields["is_active"],
        )
        for user in users
    ]


def test_the_table_tells_of_every_file():
    assert {path.name for path in FILES.iterdir()} == set(BECOMES)


@pytest.mark.parametrize("name", BECOMES)
def test_a_file_becomes_its_users_or_its_sentence(db, name):
    assert outcome((FILES / name).read_bytes()) == BECOMES[name]


def test_the_page_the_api_and_a_confirmed_file_read_the_same(cast, admin):
    browser = page_client(cast.admin)
    for name in (
        "excel-unicode-text.txt",
        "excel-mac-cr.csv",
        "excel-line-breaks-in-cells.csv",
        "excel-de-sep-line.csv",
    ):
        content = (FILES / name).read_bytes()
        answer = admin.post("/api/users/import?dry_run=true", content, CONTENT_TYPE="text/csv")
        assert answer.json() == {"created": 3, "dry_run": True, "ignored_columns": []}, name
        with (FILES / name).open("rb") as file:
            page = browser.post("/users/import", {"file": file})
        # As a browser sends a text area: every line break as CR LF.
        text = page.context["text"].replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        assert outcome(text) == PEOPLE, name
    assert browser.post("/users/import/confirm", {"text": text}).status_code == 302
    assert User.objects.get(username="jmueller").full_name == "Jörg Müller"


def test_columns_without_a_place_are_left_out_when_the_person_says_so(cast, admin):
    content = (FILES / "hr-spreadsheet-with-usernames.csv").read_bytes()
    assert outcome(content, ignore_unknown_columns=True) == [MUELLER, (*OBRIEN[:4], ("viewer",), True)]
    answer = admin.post("/api/users/import?dry_run=true&ignore_unknown_columns=true", content, CONTENT_TYPE="text/csv")
    left_out = ["Personnel no.", "Department", "Start date"]
    assert answer.json() == {"created": 2, "dry_run": True, "ignored_columns": left_out}
    browser = page_client(cast.admin)
    with (FILES / "hr-spreadsheet-with-usernames.csv").open("rb") as file:
        page = browser.post("/users/import", {"file": file, "ignore_unknown_columns": "on"})
    assert "Left out: “Personnel no.”, “Department”, “Start date”." in " ".join(page.content.decode().split())
    sent = {"text": page.context["text"]}
    assert browser.post("/users/import/confirm", sent).status_code == 422
    assert browser.post("/users/import/confirm", sent | {"ignore_unknown_columns": "true"}).status_code == 302


def test_a_sentence_of_many_lines_stands_on_the_page_once(cast):
    rows = "".join(f"new-{number},new-{number}@lab.example,Lab Tech\n" for number in range(12))
    browser = page_client(cast.admin)
    response = browser.post(
        "/users/import", {"file": SimpleUploadedFile("a.csv", f"username,email,role\n{rows}".encode())}
    )
    [(where, sentences, shown)] = response.context["errors"]
    assert (where, sentences) == ("Lines 2 to 13", ["roles: There is no role 'Lab Tech'."])
    assert [dict(cells)["username"] for cells in shown] == ["new-0", "new-1", "new-2"]
    assert "Nothing was imported: 12 lines need correction" in response.content.decode()


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("Viewer;Researcher", ("Viewer", "Researcher")),
        ("Viewer , Researcher", ("Viewer", "Researcher")),
        ("viewer|Researcher", ("viewer", "Researcher")),
        ("Viewer\r\nResearcher\n", ("Viewer", "Researcher")),
        ("Night, day", ("night_day",)),
        ("night, DAY; Viewer", ("night_day", "Viewer")),
        ("Cook, Viewer", ("Cook", "Viewer")),
    ],
)
def test_roles_in_a_cell_are_distinguished(db, cell, found):
    Role.objects.create(name="Night, day", slug="night_day")
    [user] = parse_users(f'username,email,roles\nada,ada@lab.example,"{cell}"\n').users
    assert (user.roles, user.problems) == (found, ())


def test_a_cell_that_is_one_role_and_several_is_refused(db):
    Role.objects.create(name="Viewer, Researcher", slug="viewer_researcher")
    found = outcome('username,email,roles\nada,ada@lab.example,"Viewer, Researcher"\n')
    assert found == {
        "line 2": ["roles: “Viewer, Researcher” is one role and several. Write viewer_researcher for the one."]
    }


@pytest.mark.parametrize("word", ["TRUE", "Wahr", "ja", "1", "1.0", "VRAI", ""])
def test_words_for_yes_are_understood(db, word):
    assert outcome(f"login,mail,enabled,surname\nada,ada@lab.example,{word},B\n")[0][-1] is True


@pytest.mark.parametrize("word", ["FALSE", "falsch", "Nein", "0", "0.0", "FAUX"])
def test_words_for_no_are_understood(db, word):
    assert outcome(f"login,mail,enabled,surname\nada,ada@lab.example,{word},B\n")[0][-1] is False


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("username,email,status\nada,ada@lab.example,asleep\n", "line 2", "status: Write active or inactive."),
        ('username,email,password\nada,ada@lab.example,"a\nb"\n', "line 2", "password: A password has no line break."),
        ('username,email,password\nada,ada@lab.example,"a\rb"\n', "line 2", "password: A password has no line break."),
        ('username,email\nada, "ada@lab.example"\n', "line 2", "email: Remove the blank before the quotation"),
        ("username,email\nada,ada@lab.example,,more\n", "line 2", "The line has 4 cells, but the header has 2. "),
        ('username,email,"a\n', "line 1", "A cell begins with a quotation mark here that no other one closes."),
        (f"username,email\nada,{'x' * 140_000}\n", "line 2", "A cell is longer than 131,072 characters."),
        ("sep=;\n \n", "file", "The file is empty."),
        (f"username,email{',x' * 1_000}\na,b\n", "line 1", "The line has more than 1,000 columns."),
        ("#TYPE System.String\n", "file", "The file is empty."),
        # Lines are counted as they stand in the file, with what comes before the header.
        ("sep=;\nusername;email;status\nada;ada@lab.example;x\n", "line 3", "status: Write active or inactive."),
        ("\n\nusername,email,x\nada,ada@lab.example,1\n", "line 3", "This column has no place here: “x”."),
    ],
)
def test_what_a_person_would_ask_about_is_refused(db, text, place, sentence):
    found = outcome(text)
    assert list(found) == [place]
    assert found[place][0].startswith(sentence)


def test_a_file_counts_as_the_text_that_it_is(db):
    in_utf_16 = ("username,email\n" + "\u4e00" * (MAX_BYTES // 2 - 100)).encode("utf-16")
    assert len(in_utf_16) < MAX_BYTES
    assert outcome(in_utf_16) == {"file": ["The file is larger than 5 MB. Split it into several."]}


def test_a_password_is_taken_as_it_stands(db):
    [user] = parse_users("username,email,password\nada,ada@lab.example, '=Correct 7 \n").users
    assert (user.password, user.problems) == (" '=Correct 7 ", ())


MARK = "\ufeff".encode()


@pytest.mark.parametrize("path", ["users/export", "audit/export"])
def test_files_for_people_begin_with_a_mark_and_those_for_programs_when_they_ask(cast, super_admin, path):
    """Excel takes UTF-8 without the mark for another encoding; a program would take the mark for part of a name."""

    def beginning(response):
        return next(iter(response.streaming_content))[:3]

    assert beginning(page_client(cast.super_admin).get(f"/{path}")) == MARK
    assert beginning(super_admin.get(f"/api/{path}?bom=true")) == MARK
    assert beginning(super_admin.get(f"/api/{path}")) != MARK
    assert beginning(super_admin.get(f"/api/{path}?bom=false")) != MARK
    errors = error_of(super_admin.get(f"/api/{path}?bom=yes"))["errors"]
    assert errors == {"bom": ["Give one of: true, false."]}


def test_a_byte_order_mark_is_of_csv_alone(cast, super_admin):
    response = super_admin.get("/api/audit/export?format=jsonl&bom=true")
    assert error_of(response)["errors"] == {"bom": ["Only CSV begins with a byte order mark."]}


def test_a_page_s_export_is_imported_again(cast):
    browser = page_client(cast.super_admin)
    make_user("zoe", "viewer", email="zoe@lab.example", first_name="Zoë", last_name="=Ødegård")
    content = b"".join(browser.get("/users/export?search=zoe").streaming_content)
    assert content.startswith(MARK)
    [found] = outcome(content)
    assert found == ("zoe", "zoe@lab.example", "Zoë", "=Ødegård", ("Viewer",), True)


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_rows_without_a_name_are_no_column(db, first):
    rows = "".join(f"{first + n},new-{n},new-{n}@lab.example\n" for n in range(3))
    assert [found[0] for found in outcome(f",username,email\n{rows}")] == ["new-0", "new-1", "new-2"]


@pytest.mark.parametrize("name", ["Night; day", "Night, day", "Night | day"])
def test_a_role_whose_name_reads_as_several_is_exported_by_its_slug(cast, name):
    role = Role.objects.create(name=name, slug="night_day")
    make_user("owl", email="owl@lab.example").roles.add(role)
    content = b"".join(page_client(cast.super_admin).get("/users/export?search=owl").streaming_content)
    assert outcome(content)[0][4] == ("night_day",)


def test_a_second_byte_order_mark_is_no_part_of_a_name(db):
    assert outcome((MARK * 2) + (FILES / "excel-de-sep-line.csv").read_bytes()) == PEOPLE


@pytest.mark.parametrize(("charset", "status"), [("UTF-8", 200), ("us-ascii", 200), ("windows-1252", 400)])
def test_a_body_is_read_as_what_it_is_said_to_be(cast, admin, charset, status):
    content = b"username,email\nada,ada@lab.example\n"
    response = admin.post("/api/users/import?dry_run=true", content, CONTENT_TYPE=f"text/csv; charset={charset}")
    assert response.status_code == status
    if status == 400:
        assert error_of(response)["errors"] == {"file": ["The file is said to be windows-1252. Send it as UTF-8."]}


def test_sentences_reach_the_api_in_the_one_shape(cast, admin):
    response = admin.post("/api/users/import", (FILES / "mixed-separators.csv").read_bytes(), CONTENT_TYPE="text/csv")
    assert (response.status_code, error_of(response)["errors"]) == (400, BECOMES["mixed-separators.csv"])
