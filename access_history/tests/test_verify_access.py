"""`scripts/verify-export --access-at`: an auditor's table of who could do what, from the files alone."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from access_history.tests.support.moving_clock import MovingClock
from access_history.tests.support.story import HOUR, Story, text
from accounts.users.erasure import erase_personal_data
from audit.capture import settlement
from audit.models import AuditLog, Checkpoint, Leaf, Node
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer
from audit.tests.support.sealed_log import archive, complete, first_key, selection
from audit.tests.support.standalone_verifier import file_of, lines_of, verify

pytestmark = pytest.mark.only_on("sqlite")  # the verifier has files and no database

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def story(cast, monkeypatch):
    monkeypatch.setattr(settlement, "MAX_TIME_DIFFERENCE", timedelta(days=36_500))
    return Story(MovingClock(monkeypatch, timezone.now()), cast)


def run(content, moment, tmp_path, *options):
    """Exit code, output, and the rows of the table by username."""
    path = tmp_path / "table.csv"
    path.unlink(missing_ok=True)
    code, output = verify(content, "--key", first_key(), "--access-at", moment, "--csv", path, *options)
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline=""))) if path.exists() else None
    return code, output, rows and {row["username"]: row for row in rows}


def test_the_table_of_a_moment(story, tmp_path):
    code, output, rows = run(complete(), text(story.at["created"]), tmp_path, "--user", "ADA")
    assert code == 0, output
    assert "The files hold every event from the first one until then" in output
    created, role = story.ids("create")[1], story.ids("create")[0]
    assert rows["ada"] == {
        "id": str(story.ada.pk),
        "username": "ada",
        "full_name": "'=Ada Lovelace",  # no formula for a spreadsheet
        "status": "active",
        "roles": "Clerk",
        "permissions": "sample_read",
        "since": text(story.at["created"]),
        "granted_by": "the-super_admin",
        "from": "",
        "until": "",
        "events": f"{role.pk} {created.pk}",
    }


EXPECTED = {
    "role": None,
    "created": ("active", "Clerk", "sample_read"),
    "permitted": ("active", "Clerk", "sample_read;sample_update"),
    "renamed": ("active", "Registrar", "sample_read;sample_update"),
    "locked": ("locked", "Registrar;Viewer", 9),
    "expired": ("locked", "Registrar", "sample_read;sample_update"),
    "reassigned": ("locked", "Archivist", "report_read"),
    "taken": ("locked", "", ""),
    "left": None,
}


def test_each_change_is_there_from_its_microsecond_on(story, tmp_path):
    content, before = complete(), None
    for name, expected in EXPECTED.items():
        for moment, right in ((story.at[name] - MICROSECOND, before), (story.at[name], expected)):
            _, output, rows = run(content, text(moment), tmp_path)
            found = rows.get("ada") and tuple(rows["ada"][column] for column in ("status", "roles", "permissions"))
            if right and right[2] == 9:
                found = (*found[:2], len(found[2].split(";")))
            if name != "locked" or moment == story.at[name]:
                assert found == right, (name, moment, output)
        before = expected


def test_since_when_and_by_which_events(story, tmp_path):
    _, _, rows = run(complete(), text(story.at["renamed"] + HOUR / 2), tmp_path)
    assert rows["ada"]["since"] == text(story.at["renamed"])
    updated = [event.pk for event in story.ids("create", "update")][:4]
    assert rows["ada"]["events"] == " ".join(map(str, updated))
    _, _, rows = run(complete(), text(story.at["expired"] + HOUR / 4), tmp_path)
    assert rows["ada"]["since"] == text(story.at["expired"])
    # The event that gave it said until when; the one that notes the end comes later.
    assert str(story.ids("role_revoke")[0].pk) not in rows["ada"]["events"].split()
    _, _, rows = run(complete(), text(story.at["taken"]), tmp_path)
    assert str(story.ids("role_revoke").last().pk) in rows["ada"]["events"].split()


QUESTIONS = (
    (["--role", "registrar"], {"ada"}),
    (["--role", "Clerk"], {"ada"}),  # as it was called then
    (["--permission", "sample_update", "--status", "locked"], set()),
    (["--permission", "role_delete"], {"the-super_admin"}),
    (["--status", "inactive"], set()),
)


def test_questions(story, tmp_path):
    content = complete()
    for options, found in QUESTIONS:
        code, output, rows = run(content, text(story.at["permitted"]), tmp_path, *options)
        assert code == 0, output
        assert {*rows} - {"admin"} == found, options


def test_an_erased_person_is_counted_without_a_name_in_older_files_too(story, tmp_path):
    older = complete()
    erase_personal_data(actor=story.boss, user_id=story.ada.pk)
    Sealer().seal()
    content = complete()
    _, _, rows = run(content, text(story.at["created"]), tmp_path)
    assert rows[""]["full_name"] == f"an erased person (#{story.ada.pk})"
    (tmp_path / "older.jsonl").write_bytes(older)
    code, output, again = run(content, text(story.at["created"]), tmp_path, tmp_path / "older.jsonl")
    assert (code, again) == (0, rows), output


def test_an_archive_and_the_rest_are_read_together(story, tmp_path):
    whole = run(complete(), text(story.at["renamed"]), tmp_path)[2]
    end = next(line["position"] for line in lines_of(complete())[1:] if line["event"]["id"] == story.ids("lock")[0].pk)
    (tmp_path / "archive.jsonl").write_bytes(complete(0, end))
    gone = [line["event"]["id"] for line in lines_of(complete(0, end))[1:-1]]
    archive(0, end, list(AuditLog.objects.filter(pk__in=gone)))
    Sealer().seal()
    code, output, rows = run(complete(), text(story.at["renamed"]), tmp_path, tmp_path / "archive.jsonl")
    assert (code, rows) == (0, whole), output
    assert "The files hold every event from the first one until then" in output
    # By itself the rest can't know, and says so.
    code, output, rows = run(complete(), text(story.at["locked"]), tmp_path)
    assert code == 0, output
    assert "NOT PROVEN: that no other event about them was left out." in output
    assert "ada" not in rows


def test_the_archive_alone_ends_with_its_last_event(story, tmp_path):
    code, output, rows = run(complete(0, 20), text(story.at["end"]), tmp_path)
    assert (code, rows) == (2, None)
    assert "NOT CHECKED: what these files hold ends at" in output


def test_a_selection_proves_its_rows_but_not_that_there_are_no_others(story, tmp_path):
    content = selection(resource__in=["user", "role"])
    code, output, rows = run(content, text(story.at["permitted"]), tmp_path)
    assert code == 0
    assert rows["ada"]["permissions"] == "sample_read;sample_update"
    assert "NOT PROVEN: that no other event about them was left out." in output
    _, output, _ = run(selection(resource="user"), text(story.at["permitted"]), tmp_path)
    assert "NOT PROVEN IN THESE FILES: no event says what the role Clerk gives" in output


def test_an_altered_event_makes_no_table(story, tmp_path):
    lines = lines_of(complete())
    place = next(number for number, line in enumerate(lines[1:], 1) if line["event"]["id"] == story.ids("lock")[0].pk)
    lines[place]["event"]["details"]["changes"] = {"locked": [False, False]}
    code, output, rows = run(file_of(lines), text(story.at["locked"]), tmp_path)
    assert (code, rows) == (1, None)
    assert f"WRONG: line {place + 1}, event {story.ids('lock')[0].pk}: the event is not what was sealed" in output


def test_two_files_that_contradict_each_other(story, tmp_path):
    (tmp_path / "other.jsonl").write_bytes(complete())
    key = first_key()
    # Another tree, signed by the same key: the owner of the key shows one to one auditor and one to the other.
    event = story.ids("lock")[0]
    with suspended():
        for table in (Checkpoint, Leaf, Node):
            table._base_manager.all().delete()
        row = AuditLog.objects.get(pk=event.pk)
        AuditLog._base_manager.filter(pk=event.pk).delete()
    row._state.adding, row.details = True, {"changes": {"locked": [False, False]}}
    row.save()
    story.clock.move(HOUR)
    Sealer().seal()
    code, output = verify(complete(), tmp_path / "other.jsonl", "--key", key, "--access-at", text(story.at["locked"]))
    assert code == 1
    assert f"event {event.pk}: it is another event in a file that was given before" in output


UNANSWERABLE = (
    (["--access-at", "2031-02-30T10:00:00Z"], "'2031-02-30T10:00:00Z' is no time"),
    (["--access-at", "yesterday"], "'yesterday' is no time"),
    (["--access-at", "2031-02-03T10:00:00"], "lacks its time zone"),
    (["--access-at", ""], "give --access-at a time such as"),
    (["--access-at", "1999-01-01T00:00Z"], "what these files hold begins with"),
    (["--access-at", "2999-01-01T00:00+02:00"], "what these files hold ends at"),
    (["--access-at", "{end}", "--role", "Nurse"], "these files know no role Nurse"),
    (["--access-at", "{end}", "--user", "nobody"], "these files know no account nobody"),
    (["--access-at", "{end}", "--permission", "to_fly"], "no role in these files had the permission to_fly"),
    (["--role", "Viewer"], "need --access-at"),
    (["--csv", "there"], "need --access-at"),
    (["-", "--checkpoint", "kept.txt"], "are for one file at a time"),
    (["--access-at", "{end}", "--csv", "/nowhere/table.csv"], "No such file"),
)


def test_what_cannot_be_answered(story):
    content = complete()
    for given, sentence in UNANSWERABLE:
        options = [option.format(end=text(story.at["end"])) for option in given]
        code, output = verify(content, *options, "--key", first_key())
        assert code == 2, output
        assert "NOT CHECKED: " in output
        assert sentence in output


def test_a_damaged_line_and_an_event_of_a_later_version(story, tmp_path):
    content = complete()
    damaged = content.replace(b'"role_assign"', b'"role_as', 1)
    assert run(damaged, text(story.at["locked"]), tmp_path)[0] == 1
    AuditLog.objects.create(action="update", resource="role", resource_id="7", details={"changes": {"permissions": 3}})
    story.clock.move(HOUR)
    Sealer().seal()
    code, output, _ = run(complete(), text(story.clock.now), tmp_path)
    assert code == 2
    assert "is not as events about access are" in output


def test_on_a_terminal_the_table_follows_the_sentences(story):
    content = complete()
    _, output = verify(content, "--key", first_key(), "--access-at", text(story.at["renamed"]), "--user", "ada")
    assert f"ACCESS at {text(story.at['renamed'])}: 1 account.\nid,username,full_name" in output
