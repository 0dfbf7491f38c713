"""`reprotech`, the command of a plain server, takes user and settings as systemd does for its units."""

import os
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from reprotech.testing.plugin import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # the database plays no part


@pytest.fixture(scope="module")
def command():
    loader = SourceFileLoader("reprotech_command", str(ROOT / "scripts/reprotech"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("# A=1\n; B=2\n\n  C=3", {"C": "3"}),
        ("EMAIL_FROM=Reprotech <lab@example.org>", {"EMAIL_FROM": "Reprotech <lab@example.org>"}),
        ("A=$HOME `id` $(id) # no comment", {"A": "$HOME `id` $(id) # no comment"}),
        ("A =  b c \t\nB=", {"A": "b c", "B": ""}),
        ('A=\'b  #\\ "c\' \nB="it\'s \\"quoted\\" \\n \\$x"', {"A": 'b  #\\ "c', "B": 'it\'s "quoted" \\n $x'}),
        ("A=b\\\n c\nB=\"d\\\ne\"\nC='f\ng'", {"A": "b c", "B": "de", "C": "f\ng"}),
        ("A=b\\ \\'c", {"A": "b 'c"}),
        ("A=b'c'\nB='d'e", {"A": "b'c'", "B": "de"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("no assignment\nA=1\n1B=2\nC-D=3\n=4\nA=5", {"A": "5"}),
        ("A='never ended", {"A": "never ended"}),
    ],
)
def test_settings_are_read_as_systemd_reads_them(command, text, found):
    assert command.parsed(text) == found


def test_what_is_of_one_server_alone_is_not_of_commands_and_the_file_wins(command, tmp_path):
    file = tmp_path / "lab.env"
    file.write_text("LOG_DIR=/var/log/lab\n")
    unit = command.Unit(
        "[Service]\nUser=root\nWorkingDirectory=/opt/lab\nEnvironment=PORT=%i LOG_DIR=/elsewhere 'B=b c'\n"
        f"EnvironmentFile={file}\nEnvironmentFile=-{tmp_path}/missing\n"
    )
    assert unit.environment() == {"LOG_DIR": "/var/log/lab", "B": "b c"}
    assert (unit.account.pw_uid, unit.group) == (0, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "There is no .*reprotech-migrate.service here"),
        ("[Service]\nWorkingDirectory=/opt/lab\n", "has no User="),
        ("[Service]\nWorkingDirectory=/opt/lab\nUser=nobody-at-all\n", "nobody-at-all"),
        (
            "[Service]\nWorkingDirectory=/opt/lab\nUser=root\nEnvironmentFile=/nowhere/lab.env\n",
            "There is no /nowhere/lab.env",
        ),
    ],
)
def test_a_machine_that_was_not_set_up_by_the_guide_is_told_in_one_sentence(command, monkeypatch, tmp_path, text, said):
    monkeypatch.setattr(command, "OWNERS_UNIT", tmp_path / "reprotech-migrate.service")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if text:
        command.OWNERS_UNIT.write_text(text)
    with pytest.raises(SystemExit, match=said) as end:
        command.main()
    assert "docs/deployment.md" in str(end.value)


def test_who_is_not_root_is_told_what_to_type(command, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("sys.argv", ["reprotech", "maintenance", "on", "--message", "back at 2"])
    with pytest.raises(SystemExit, match=r"^Only root .*: sudo reprotech maintenance on --message 'back at 2'$"):
        command.main()


def test_a_setting_before_the_command_is_for_it_alone_and_nothing_else_of_the_caller_gets_through(
    command, monkeypatch, tmp_path
):
    (tmp_path / "lab.env").write_text("LOG_LEVEL=INFO\nLOG_DIR=/var/log/lab\n")
    (tmp_path / "unit").write_text(
        f"[Service]\nUser=root\nWorkingDirectory=/opt/lab\nEnvironmentFile={tmp_path}/lab.env\n"
    )
    started = []
    monkeypatch.setattr(command, "OWNERS_UNIT", tmp_path / "unit")
    # Of the release that the command itself belongs to, whichever the unit runs.
    assert command.PROGRAM == ROOT
    monkeypatch.setattr(command, "PROGRAM", Path("/opt/lab/releases/1.0.0-one"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    for name in ("initgroups", "setgid", "setuid", "umask"):
        monkeypatch.setattr(os, name, lambda *_: None)
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    monkeypatch.setattr("sys.argv", ["reprotech", "LOG_LEVEL=DEBUG", "NOTE=a=b", "users", "list", "X=y"])
    command.main()
    ((python, words, environment),) = started
    assert list(map(str, [python, *words[1:]])) == [
        "/opt/lab/releases/1.0.0-one/.venv/bin/python",
        *["/opt/lab/releases/1.0.0-one/manage.py", "users", "list", "X=y"],
    ]
    assert (environment["LOG_LEVEL"], environment["NOTE"], environment["LOG_DIR"]) == ("DEBUG", "a=b", "/var/log/lab")
    assert "PYTHONPATH" not in environment
