"""Users from a CSV file and to one, through the API and the pages: all rows or none."""

import csv
import io
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods.invitations import send_due_invitations
from accounts.models import OutgoingMail, User
from accounts.periods.grants import iso_time
from accounts.roles.services import create_role
from accounts.users.csv import import_users
from accounts.users.csv.days import MONTH_FIRST, DayReader, UnreadableDay
from accounts.users.csv.export import start_export
from accounts.users.csv.table import MAX_BYTES, MAX_ROWS
from audit.models import AuditLog
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import error_of

GOOD = """username,email,first_name,last_name,roles,is_active,password
ada,ada@lab.example,Ada,Berg,Researcher;viewer,true,
grace,Grace@LAB.example,Grace,Novak,,no,
linus,linus@lab.example,Linus,Jansen,Viewer,,Correct-Horse-7
"""


def send(caller, text, query="", content_type="text/csv"):
    body = text if isinstance(text, bytes) else text.encode()
    return caller.post(f"/api/users/import{query}", body, CONTENT_TYPE=content_type)


def errors_of(response):
    assert response.status_code == 400, response.content
    return error_of(response)["errors"]


def row(*cells):
    return "username,email,roles\n" + ",".join(cells) + "\n"


def test_every_row_becomes_a_user_with_an_audit_row_of_their_own(cast, admin, django_capture_on_commit_callbacks):
    admin.token  # noqa: B018 (opens the session)
    with audit_rows() as rows, django_capture_on_commit_callbacks(execute=True):
        response = send(admin, GOOD)
    assert (response.status_code, response.json()) == (201, {"created": 3, "dry_run": False, "ignored_columns": []})
    ada, grace, linus = User.objects.filter(username__in=["ada", "grace", "linus"]).order_by("id")
    assert [role.slug for role in ada.roles.all()] == ["researcher", "viewer"]
    assert (grace.is_active, grace.email) == (False, "Grace@lab.example")
    assert linus.check_password("Correct-Horse-7")
    assert not ada.has_usable_password()
    assert list(User.objects.search("ada berg")) == [ada]
    assert [(row.action, row.resource_name, row.username) for row in rows] == [
        *(("create", name, "the-admin") for name in ("ada", "grace", "linus")),
        ("import", "", "the-admin"),
    ]
    columns = {name: name for name in GOOD.splitlines()[0].split(",")}
    assert rows[-1].details == {"file": "", "mode": "create", "created": 3, "columns": columns}
    single = AuditLog.objects.filter(action="create", resource="user").exclude(pk__in=[row.pk for row in rows]).first()
    assert set(rows[0].details["changes"]) == set(single.details["changes"])
    assert rows[0].details["changes"]["roles"] == [[], ["Researcher", "Viewer"]]
    assert sorted(message.to[0] for message in mail.outbox) == ["Grace@lab.example", "ada@lab.example"]


def test_however_many_rows_are_denied_there_is_one_event(cast, clerk):
    names = ("Administrator", "Manager", "Researcher")
    fields = [{"username": name, "email": f"{name}@lab.example"} for name in ("ada", "grace", "linus")]
    rows = [import_users.ImportRow(2 + line, fields[line], (name,)) for line, name in enumerate(names)]
    with audit_rows() as events, pytest.raises(ValidationFailed) as refusal:
        import_users.import_users(actor=clerk, rows=rows)
    assert set(refusal.value.errors) == {"line 2", "line 3", "line 4"}
    assert [(event.action, event.resource_name) for event in events] == [("access_denied", "Administrator")]


def test_many_invitations_leave_while_nobody_waits(cast, admin, django_capture_on_commit_callbacks):
    import threading

    text = "username,email\n" + "".join(f"new-{n},new-{n}@lab.example\n" for n in range(8))
    with django_capture_on_commit_callbacks(execute=True):
        assert send(admin, text).status_code == 201
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join(60)
    assert len(mail.outbox) == 8


def test_a_dry_run_answers_the_same_and_changes_nothing(cast, admin):
    before = list(User.objects.values_list())
    with audit_rows() as rows:
        response = send(admin, GOOD, "?dry_run=true")
    assert (response.status_code, response.json()) == (200, {"created": 3, "dry_run": True, "ignored_columns": []})
    assert [row for row in rows if row.action == "create"] == []
    assert list(User.objects.values_list()) == before
    assert mail.outbox == []


BAD = """username,email,first_name,last_name,roles,is_active,password
ab,nowhere,,,,,
the-viewer,the-viewer@lab.example,,,,,
ok-1,ok-1@lab.example,,,King;Viewer,maybe,
ok-2,ok-2@lab.example,,,,,short

OK-2,ok-1@lab.example,,,,,
ok-3,ok-3@lab.example,,,Viewer,true,,Cook
"ok-4","ok-4@lab.example","two
lines",,,,
ok-5,ok-5@lab.example,,,Super Administrator,,
"""


def test_every_bad_row_is_reported_by_line_and_nothing_is_saved(cast, admin):
    admin.token  # noqa: B018 (opens the session)
    before = User.objects.count()
    with audit_rows() as rows:
        found = errors_of(send(admin, BAD))
    assert found == {
        "line 2": ["username: Use at least 3 characters.", "email: Enter a valid e-mail address."],
        "line 3": ["username: This username is taken.", "email: This e-mail address is taken."],
        "line 4": ["is_active: Write true or false.", "roles: There is no role 'King'."],
        "line 5": [
            "password: Use at least 8 characters.",
            "password: Use an upper-case and a lower-case letter, a digit and a special character.",
        ],
        "line 7": ["username: Line 5 has it too.", "email: Line 4 has it too."],
        "line 8": [
            "The line has 8 cells, but the header has 7. Put a cell that has commas in it between quotation marks."
        ],
        "line 9": ["first_name: Leave out control characters and invisible characters."],
        "line 11": ["roles: You can't give 'Super Administrator': it holds role_delete, which you don't."],
    }
    assert User.objects.count() == before
    assert [(row.action, row.details["required"]) for row in rows] == [("access_denied", "role_delete")]


@pytest.mark.parametrize(
    ("text", "where", "sentence"),
    [
        ("", "file", "There is no file:"),
        ("\n \n", "file", "The file is empty."),
        ("username,email\n", "file", "There are no users in the file: it has a header alone."),
        (
            "username,email\nada,\xe9@lab.example\n".encode("latin-1"),
            "line 2",
            "The line has characters in another encoding",
        ),
        ("username,email\nada\0,a@lab.example\n", "file", "This is not a text file."),
        ("username\nada\n", "line 1", "There is no column email. Add one"),
        (
            "username,email,shoe_size\nada,a@lab.example,40\n",
            "line 1",
            "This column has no place here: “shoe_size”.",
        ),
        (
            "username,email,email\nada,a@lab.example,b\n",
            "line 1",
            "The column email is there twice: “email”",
        ),
        (
            'username,email\nada,"a@lab.example\n',
            "line 2",
            "A cell begins with a quotation mark here",
        ),
        ("username,email\n" + "a,b\n" * (MAX_ROWS + 1), "file", "The file has more than 10,000 rows."),
        ("username,email\n" + "a" * MAX_BYTES, "file", "The file is larger than 5 MB."),
        (
            "username,email,password\n" + "".join(f"u{n},u{n}@lab.example,x\n" for n in range(201)),
            "file",
            "More than 200 rows have a password.",
        ),
        ("username,email,status\nada,a@lab.example,locked\n", "line 2", "status: A locked account can't be imported."),
        ("username,email,status\nada,a@lab.example,ended\n", "line 2", "status: It says ended, but ends_at is no"),
        ("username,email,status\nada,a@lab.example,pending\n", "line 2", "status: It says pending, but starts_at"),
        ("username,email,ends_at\nada,a@lab.example,2020-01-31\n", "line 2", "ends_at: The end is in the past."),
        ("username,email,ends_at\nada,a@lab.example,2030-02-30\n", "line 2", "ends_at: There is no day “2030-02-30”."),
        ("username,email,ends_at\nada,a@lab.example,=NOW()\n", "line 2", "ends_at: This is a formula."),
        ("username,email,ends_at\nada,a@lab.example,02/03/2030\n", "line 1", "ends_at: “02/03/2030” and the others"),
        ("username,email,starts_at\nada,a@lab.example,46357\n", "line 2", "starts_at: “46357” is a spreadsheet's"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(cast, admin, text, where, sentence):
    [(place, [found])] = errors_of(send(admin, text)).items()
    assert (place, found[: len(sentence)]) == (where, sentence)


def test_an_account_begins_and_ends_with_whole_days_of_the_laboratory(cast, admin, settings):
    settings.LAB_TIME_ZONE = "Europe/Berlin"
    text = "username,email,Starts at,ends_at\nada,a@lab.example,2040-01-31,31.12.2040\n"
    text += "bob,b@lab.example,,2040-06-01T10:00Z\n"
    with audit_rows() as rows:
        assert send(admin, text).status_code == 201
    ada, bob = User.objects.filter(username__in=["ada", "bob"]).order_by("id")
    assert (iso_time(ada.starts_at), iso_time(ada.ends_at)) == ("2040-01-30T23:00:00Z", "2040-12-31T23:00:00Z")
    assert (ada.period_state, ada.invited_at, ada.end_notice_at.year) == ("pending", None, 2040)
    assert (bob.starts_at, iso_time(bob.ends_at), bob.period_state) == (None, "2040-06-01T10:00:00Z", "")
    assert bob.invited_at
    assert rows[0].details["changes"]["starts_at"] == [None, "2040-01-30T23:00:00Z"]
    assert list(OutgoingMail.objects.filter(letter="invitation").values_list("user__username", flat=True)) == ["bob"]


def test_those_who_start_later_are_invited_the_day_before(cast, admin):
    tomorrow = timezone.now() + timedelta(hours=23)
    text = f"username,email,starts_at\nada,a@lab.example,{tomorrow.isoformat()}\nbob,b@lab.example,2040-01-01\n"
    assert send(admin, text).status_code == 201
    assert User.objects.get(username="ada").invited_at
    assert send_due_invitations() == 0
    User.objects.filter(username="bob").update(starts_at=tomorrow)
    assert send_due_invitations() == 1


def test_an_export_with_periods_is_read_again_unchanged(cast, super_admin):
    now = timezone.now()
    periods = {"pending-one": (40, None), "ended-one": (-9, 2), "open-one": (-9, 9), "invited-one": (None, None)}
    for name, days in periods.items():
        first, last = (None if day is None else now + timedelta(days=day) for day in days)
        make_user(name, "viewer", password=None, starts_at=first, ends_at=last)
    User.objects.filter(username="ended-one").update(ends_at=now - timedelta(days=2), period_state="ended")
    before = read(super_admin.get("/api/users/export?search=-one"))
    assert [row["status"] for row in before] == ["pending", "ended", "invited", "invited"]
    people = User.objects.filter(username__endswith="-one")
    people.delete()
    text = io.StringIO()
    writer = csv.DictWriter(text, before[0])
    writer.writeheader()
    writer.writerows(before)
    assert send(super_admin, text.getvalue()).status_code == 201
    after = read(super_admin.get("/api/users/export?search=-one"))
    assert [{**row, "created_at": ""} for row in after] == [{**row, "created_at": ""} for row in before]
    assert {user.username: bool(user.invited_at) for user in people.all()} == {
        **dict.fromkeys(("pending-one", "ended-one"), False),
        **dict.fromkeys(("open-one", "invited-one"), True),
    }
    assert people.get(username="ended-one").period_state == "ended"


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["31.01.2027", "01.02.2027"], "2027-01-31"),
        (["31. 1. 2027", "1. 2. 2027"], "2027-01-31"),
        (["01/31/2027", "02/01/2027"], "2027-01-31"),
        (["2027/1/31"], "2027-01-31"),
        (["20270131"], "2027-01-31"),
        (["2027-01-31 00:00:00"], "2027-01-31"),
        (["03/03/2027"], "2027-03-03"),
        (["02/03/2027"], None),
        (["31/01/2027", "02/28/2027"], "2027-01-31"),
        (["31/02/2027"], "There is no day “31/02/2027”."),
        (["31.01.27"], "Write the year of “31.01.27” with four digits"),
        (["2027-01-31T10:00"], "“2027-01-31T10:00” has no time zone."),
        (["soon"], "“soon” is no day."),
        (["01.01.0001"], "Give a day from the year 1900 to 2999."),
    ],
)
def test_days_are_read_as_the_whole_column_allows(cells, first):
    reader = DayReader.of_column(cells)
    if first is None:
        assert reader.ambiguous
        assert DayReader.of_column(cells, MONTH_FIRST).start(cells[0]).month == 2
        return
    try:
        found = reader.start(cells[0]).date().isoformat()
    except UnreadableDay as refusal:
        found = str(refusal)
    assert found.startswith(first)


def test_a_cell_that_contradicts_the_others_is_named():
    reader = DayReader.of_column(["31/01/2027", "02/28/2027"])
    with pytest.raises(UnreadableDay, match=r"“02/28/2027” can't be read with the day first"):
        reader.start("02/28/2027")


def test_a_longest_period_of_roles_holds_for_files_too(cast, admin, settings):
    settings.GRANT_MAX_DAYS = 30
    refused = errors_of(send(admin, "username,email,roles\nada,a@lab.example,viewer\n"))
    assert refused["line 2"] == ["roles: Give an end at most 30 days after the start."]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_files_of_every_spreadsheet_are_read(cast, admin, encoding, separator):
    text = GOOD.replace("Researcher;viewer", '"Researcher;viewer"').replace(",", separator).replace("\n", "\r\n")
    assert send(admin, text.encode(encoding), "?dry_run=true").json()["created"] == 3


def test_a_file_comes_as_a_form_too(cast, admin):
    boundary = "xxBOUNDARYxx"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="{{}}"; filename="a.csv"\r\n\r\n'
    part += f"{GOOD}\r\n--{boundary}--\r\n"
    media_type = f"multipart/form-data; boundary={boundary}"
    assert send(admin, part.format("file"), content_type=media_type).status_code == 201
    assert list(errors_of(send(admin, part.format("other"), content_type=media_type))) == ["file"]


def test_other_media_types_are_refused_with_what_is_wanted(cast, admin):
    response = send(admin, "{}", content_type="application/json")
    assert response.status_code == 415
    assert "text/csv" in error_of(response)["error"]


def test_a_body_of_more_than_a_megabyte_passes_here_and_nowhere_else(cast, admin):
    large = "username,email\n" + "".join(f"u{n},{'x' * 500}@lab.example\n" for n in range(4000))
    assert len(large) > 2_000_000
    assert len(errors_of(send(admin, large))) == 4000
    assert admin.post("/api/users", large.encode()).status_code == 413
    assert send(admin, "x" * 5_600_000).status_code == 413


def test_an_unknown_parameter_is_refused(cast, admin):
    assert errors_of(send(admin, GOOD, "?dryrun=true")) == {"dryrun": ["There is no such parameter."]}
    assert errors_of(send(admin, GOOD, "?dry_run=maybe")) == {"dry_run": ["Give one of: true, false."]}


def test_a_name_that_is_taken_meanwhile_undoes_everything(cast, admin, monkeypatch):
    hash_many = import_users.hash_many

    def somebody_is_faster(passwords):
        make_user("grace")
        return hash_many(passwords)

    monkeypatch.setattr(import_users, "hash_many", somebody_is_faster)
    response = send(admin, GOOD)
    assert (response.status_code, error_of(response)["code"]) == (409, "conflict")
    assert not User.objects.filter(username__in=["ada", "linus"]).exists()


def read(response):
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_an_export_is_read_again_unchanged(cast, super_admin):
    create_role(actor=SYSTEM, name="Night; and day")
    make_user("-minus", "night_and_day", "viewer", email="+plus@lab.example", first_name="=1+1", last_name="'t Hooft")
    [exported] = read(super_admin.get("/api/users/export?search=-minus"))
    assert exported["username"] == "'-minus"
    assert exported["email"] == "'+plus@lab.example"
    assert exported["first_name"] == "'=1+1"
    assert exported["last_name"] == "'t Hooft"
    assert exported["roles"] == "Viewer;night_and_day"
    assert (exported["is_active"], exported["status"], exported["last_login"]) == ("true", "active", "")
    User.objects.get(username="-minus").delete()
    text = b"".join(super_admin.get("/api/users/export?search=the-viewer").streaming_content).decode()
    again = text.splitlines()[0] + "\n" + ",".join(exported.values()) + "\n"
    assert send(super_admin, again).status_code == 201
    person = User.objects.get(username="-minus")
    assert (person.email, person.first_name, person.last_name) == ("+plus@lab.example", "=1+1", "'t Hooft")
    assert {role.slug for role in person.roles.all()} == {"viewer", "night_and_day"}


def test_an_export_of_many_is_read_in_chunks(cast, super_admin):
    for number in range(30):
        make_user(f"clerk-{number}", "viewer", password=None)
    users = list(User.objects.existing().with_role_names().in_chunks(size=7))
    assert [user.pk for user in users] == sorted(User.objects.existing().values_list("pk", flat=True))


def test_who_comes_after_an_export_began_is_not_in_it(cast):
    """The record says how many rows there are, and holds."""
    rows = start_export(actor=cast.super_admin, users=User.objects.visible_to(cast.super_admin), filters={})
    make_user("latecomer")
    names = [user.username for user in rows]
    assert "the-viewer" in names
    assert "latecomer" not in names
    assert AuditLog.objects.filter(action="export").latest("id").details["rows"] == len(names)


def test_an_export_is_refused_without_permission_or_sense(cast, viewer, admin):
    assert viewer.get("/api/users/export").status_code == 403
    assert list(errors_of(admin.get("/api/users/export?page=2"))) == ["page"]
