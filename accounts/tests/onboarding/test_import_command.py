"""`manage.py users import`: a file of HR's in a job of every month."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.onboarding.leavers import remember_people
from audit.models import AuditLog
from audit.presentation.event_text import sentence

FILE = "username,email,first_name,roles\nnewcomer,newcomer@lab.example,New,\nthe-viewer,,Vera,Researcher\n"


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "hr.csv"
    file.write_text(FILE)
    return str(file)


def run(*words, **options):
    """What the command says."""
    out = io.StringIO()
    call_command("users", "import", *words, stdout=out, **options)
    return out.getvalue()


def test_a_dry_run_says_what_would_happen_and_the_run_does_it(cast, path):
    remember_people("HR", [cast.viewer.pk, cast.manager.pk])
    options = [path, "--mode", "update", "--leavers"]
    said = run(*options, "--dry-run")
    assert said.splitlines() == [
        "line 2: newcomer is new",
        "line 3: the-viewer: first_name from '' to 'Vera', gets Researcher, loses Viewer",
        "the-manager isn't in the file, and ends",
        "This would be: 1 created, 1 changed, 0 unchanged, 1 ended.",
        "That is more than a tenth of HR: add --confirm-leavers 1.",
    ]
    assert not User.objects.filter(username="newcomer").exists()
    with pytest.raises(CommandError) as refused:
        run(*options)
    assert refused.value.returncode == 3
    assert str(refused.value).endswith("Add --confirm-leavers 1.")
    assert "Done: 1 created, 1 changed, 0 unchanged, 1 ended." in run(*options, "--confirm-leavers", "1")
    event = AuditLog.objects.first()
    assert sentence(event) == "system imported hr.csv: 1 created, 1 changed, 1 ended"
    assert event.details["columns"]["first_name"] == "first_name"
    assert run(*options).splitlines()[-1] == "Nothing new: 2 users were as in the file."


def test_what_is_wrong_is_said_by_line_and_ends_the_command(cast, path, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("username,email,roles\nthe-viewer,,King\n")
    with pytest.raises(CommandError) as refused:
        run(str(bad), "--mode", "update")
    assert refused.value.returncode == 1
    assert str(refused.value).splitlines() == ["Nothing was changed.", "line 2: roles: There is no role 'King'."]
    with pytest.raises(CommandError, match="can't be read"):
        run(str(tmp_path / "nowhere.csv"))
    with pytest.raises(CommandError, match="leavers: It is for imports with mode=update"):
        run(path, "--leavers")


def test_it_reads_standard_input_and_creates_unless_told_otherwise(cast, monkeypatch):
    text = "username,email\nnewcomer,newcomer@lab.example\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run("-", reason="Monthly file") == "1 user was created.\n"
    event = AuditLog.objects.first()
    assert (event.details["mode"], event.details["reason_given"]) == ("create", "Monthly file")


def test_it_takes_a_mapping_and_words_for_roles(cast, tmp_path):
    files = {
        "hr.csv": "Familie;Post;Stelle\nVogt;lena.vogt@lab.example;Analystin\n",
        "mapping.json": '{"Familie": "last_name", "Post": "email", "Stelle": "roles"}',
        "words.json": '{"Analystin": "Viewer"}',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    file, mapping, words = (str(tmp_path / name) for name in files)
    options = [file, "--mapping", mapping, "--role-words", words, "--mode", "update"]
    assert run(*options).splitlines() == ["line 2: vogt is new", "Done: 1 created, 0 changed, 0 unchanged, 0 ended."]
    with pytest.raises(CommandError, match="mapping: Give an object"):
        run(file, "--mapping", file)
