"""What backups are made of: the archive, the settings in it, and which of them stay."""

import io
import os
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from functools import partial as bound
from pathlib import Path

import environ
import pyrage
import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from accounts.access.authorization import SYSTEM
from accounts.models import Session
from accounts.sessions.services import end_all_sessions
from audit.crypto.signed_note import Signer
from audit.models import AuditLog
from audit.presentation.event_text import sentence
from reprotech.backup import archive
from reprotech.backup.archive import check_archive, parse_identities, write_archive
from reprotech.backup.create import settings_text
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.retention import name_at, prune, retained
from reprotech.backup.signatures import Trust, public_key, signers_in
from reprotech.core.exceptions import Forbidden
from reprotech.core.key_material import new_seed
from reprotech.testing.client import Caller

KEY = pyrage.x25519.Identity.generate()
OURS, THEIRS = (Signer("lab.example/audit", new_seed()) for _ in range(2))
TRUST = Trust.of(OURS.seed)
NOW = datetime(2031, 6, 15, 2, 17, tzinfo=UTC)


def written(path, pieces, *, signer=OURS, manifest=None):
    with path.open("wb") as file:
        about = manifest or {"format": archive.FORMAT}
        chunks = iter(bound(io.BytesIO(b"".join(pieces)).read, archive.CHUNK_SIZE), b"")
        write_archive(file, about, "A=1\n", chunks, keys=[KEY.to_public()], signer=signer)
    return path


def read(path, key=KEY, trust=TRUST):
    found = check_archive(path, [key], trust)
    assert found.settings == "A=1\n"
    return b"".join(found.database())


def rewritten(path, change):
    """What somebody makes of an archive who has the public key alone, and may have what is in another archive."""
    members = []
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(path.read_bytes(), [KEY]))) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in change(members):
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    path.write_bytes(pyrage.encrypt(plain.getvalue(), [KEY.to_public()]))
    return path


@pytest.mark.parametrize("sizes", [[], [0], [1], [511, 1, 513], [70_000, 3], [100_001] * 7])
def test_what_was_written_is_read(tmp_path, monkeypatch, sizes):
    monkeypatch.setattr(archive, "CHUNK_SIZE", 65_536)
    pieces = [os.urandom(size) for size in sizes]
    assert read(written(tmp_path / "b.age", pieces)) == b"".join(pieces)


def test_no_byte_of_it_can_be_changed_and_none_left_out(tmp_path):
    content = written(tmp_path / "b.age", [os.urandom(200_000)]).read_bytes()
    for place in [*range(0, 400, 7), *range(400, len(content), 9973), len(content) - 1]:
        (tmp_path / "c.age").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BackupFailed):
            read(tmp_path / "c.age")
        (tmp_path / "c.age").write_bytes(content[:place])
        with pytest.raises(BackupFailed):
            read(tmp_path / "c.age")


def without(name):
    return lambda members: [member for member in members if member[0] != name]


def replacing(name, content):
    return lambda members: [(found, content if found == name else was) for found, was in members]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without("database.000001"), "A piece of the database is missing before 'database.000002'"),
        (without("database.000002"), "is not what was signed"),
        (without("manifest.json"), "holds no manifest.json"),
        (without("settings.env"), "holds no settings.env"),
        (without("signature.txt"), "It has no signature.*--accept-unsigned"),
        (replacing("settings.env", b"SECRET_KEY=theirs\n"), "is not what was signed"),
        (replacing("manifest.json", b'{"format": "reprotech-backup/2", "rows": {}}'), "is not what was signed"),
        (replacing("database.000001", b"CREATE ROLE theirs SUPERUSER;"), "is not what was signed"),
        (replacing("signature.txt", b"nonsense"), "Its signature is damaged"),
        (lambda members: [*members, ("database.000003", b"more")], "after its signature"),
        (lambda members: [*members[:3], members[2], *members[3:]], "A piece of the database is missing before"),
    ],
)
def test_an_archive_that_was_put_together_without_the_key_is_refused(tmp_path, monkeypatch, change, reason):
    monkeypatch.setattr(archive, "CHUNK_SIZE", 1_000)
    path = written(tmp_path / "b.age", [os.urandom(2_500)])
    assert len(read(path)) == 2_500
    with pytest.raises(BackupFailed, match=reason):
        read(rewritten(path, change))


def test_the_signature_of_another_backup_of_ours_is_none_of_this_one(tmp_path):
    old, new = (written(tmp_path / f"{name}.age", [name.encode()]) for name in ("old", "new"))
    taken = []
    rewritten(old, lambda members: taken.extend(members) or members)
    with pytest.raises(BackupFailed, match="is not what was signed"):
        read(rewritten(new, lambda members: [*members[:-1], taken[-1]]))


def test_only_a_key_that_settings_or_the_operator_name_makes_a_backup_that_is_restored(tmp_path):
    path = written(tmp_path / "b.age", [b"x"], signer=THEIRS)
    line = str(THEIRS.verifier)
    for trust in (TRUST, Trust(), Trust.of(OURS.seed, accepts_unsigned=True)):
        with pytest.raises(BackupFailed, match=f"signed with the key {THEIRS.verifier.key_id.hex()}.*--signed-by"):
            read(path, trust=trust)
    assert read(path, trust=Trust.of(None, [line])) == b"x"
    assert read(path, trust=Trust.of(OURS.seed, signers_in(f"# backups are signed by: {line}\n{KEY}\n"))) == b"x"
    # Its name is what the log was called when it began; the key is the same under another.
    assert public_key(str(Signer("other.example/audit", THEIRS.seed).verifier)) == THEIRS.verifier.public
    with pytest.raises(BackupFailed, match="is no public key as"):
        Trust.of(None, [line[:-4]])


def test_a_backup_without_a_signature_is_read_if_that_is_accepted_by_name(tmp_path):
    path = rewritten(
        written(tmp_path / "b.age", [b"x"], manifest={"format": archive.SUPPORTED_FORMATS[0]}), without("signature.txt")
    )
    assert read(path, trust=Trust(accepts_unsigned=True)) == b"x"
    for content in (b"[]", b"{", b"{}", b"[" * 100_000, b"\xff"):
        with pytest.raises(BackupFailed, match="can't be read"):
            read(rewritten(path, replacing("manifest.json", content)), trust=Trust(accepts_unsigned=True))


@pytest.mark.parametrize("change", [replacing("database.000001", b"evil"), without("database.000002")])
def test_nothing_is_let_out_of_a_file_that_was_replaced_after_it_was_verified(tmp_path, monkeypatch, change):
    monkeypatch.setattr(archive, "CHUNK_SIZE", 4)
    path = written(tmp_path / "b.age", [b"ours-ours-ou"])
    checked = check_archive(path, [KEY], TRUST)
    rewritten(path, change)
    let_out = []
    with pytest.raises(BackupFailed, match="was changed while it was being restored"):
        let_out.extend(checked.database())
    assert let_out == [b"ours", b"-our", b"s-ou"][: len(let_out)]


def test_a_database_that_fails_half_way_is_told_in_its_own_words(tmp_path):
    def failing():
        yield b"x" * 100_000
        raise BackupFailed("pg_dump failed: out of memory")

    with pytest.raises(BackupFailed, match="pg_dump failed: out of memory"):
        written(tmp_path / "b.age", failing())


def test_the_standard_tools_open_what_is_inside(tmp_path):
    content = os.urandom(20_000_000)
    path = written(tmp_path / "b.age", [content])
    (tmp_path / "b.tar").write_bytes(pyrage.decrypt(path.read_bytes(), [KEY]))
    command = ["tar", "--extract", "--to-stdout", "--wildcards", "database.*", "--file", tmp_path / "b.tar"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == content


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment", "AGE-SECRET-KEY-1NONSENSE", str(KEY.to_public())],
    ids=["nothing", "a comment", "nonsense", "a public key"],
)
def test_what_is_no_private_key_is_refused(text):
    with pytest.raises(BackupFailed, match="AGE-SECRET-KEY"):
        parse_identities(text)


@pytest.fixture
def env_file(tmp_path, monkeypatch):
    """A file of settings, beside those of the process."""
    path = tmp_path / ".env"
    monkeypatch.setattr(django_settings.ENV, "env_file", path)
    return path


def read_again(text, tmp_path, monkeypatch):
    file = tmp_path / "restored.env"
    file.write_text(text)
    found = dict.fromkeys([line.partition("=")[0].strip() for line in text.splitlines() if "=" in line])
    for name in found:
        monkeypatch.delenv(name, raising=False)
    environ.Env.read_env(file)
    return {name: os.environ.get(name) for name in found}


def test_the_settings_in_a_backup_are_those_that_hold(env_file, tmp_path, monkeypatch):
    odd = 'a#b\'c "d" $HOME \\n =e' + "x" * 32
    monkeypatch.setenv("SECRET_KEY", odd)
    env_file.write_text("# ours\nSECRET_KEY=old\nexport PUBLIC_URL=https://lab.test\nAUDIT_SIGNING_KEY_FILE=/gone\n")
    text = settings_text(with_audit_key=True)
    found = read_again(text, tmp_path, monkeypatch)
    assert text.startswith("# ours\nexport PUBLIC_URL=https://lab.test\n")
    assert found["SECRET_KEY"] == odd
    assert "AUDIT_SIGNING_KEY_FILE" not in found
    assert archive_key(found) == django_settings.AUDIT_SIGNING_KEY


def archive_key(found):
    from reprotech.core.key_material import parse_seed

    return parse_seed(found["AUDIT_SIGNING_KEY"])


def test_the_key_of_the_audit_log_stays_out_if_asked(env_file):
    env_file.write_text("AUDIT_SIGNING_KEY=abc\nAUDIT_SIGNING_KEY_FILE=/key\nLOG_LEVEL=INFO\n")
    assert "AUDIT_SIGNING_KEY" not in settings_text(with_audit_key=False)


@pytest.mark.quick
def test_of_each_day_week_and_month_the_newest_stays():
    nightly = [NOW - timedelta(days=days) for days in range(500)]
    staying = sorted(retained(nightly, 7, 5, 12), reverse=True)
    assert staying[:7] == nightly[:7]
    assert len(staying) == 7 + 4 + 11  # weeks and months of which one stays already take none of their own
    assert staying[-1] == datetime(2030, 7, 31, 2, 17, tzinfo=UTC)


@given(st.lists(st.datetimes(timezones=st.just(UTC))), *[st.integers(0, 9)] * 3)
def test_the_newest_backup_always_stays_and_making_room_twice_is_making_it_once(moments, days, weeks, months):
    staying = retained(moments, days, weeks, months)
    assert staying <= set(moments)
    assert len(staying) <= max(1, days + weeks + months)
    if moments:
        assert max(moments) in staying
    assert retained(staying, days, weeks, months) == staying


def test_only_backups_are_removed_and_what_was_left_half_written(tmp_path):
    old, new = NOW - timedelta(days=90), NOW
    partial = [f"{name_at(moment)}.partial" for moment in (old, new)]
    names = [name_at(old), name_at(new), *partial, "notes.txt", "reprotech-x.age"]
    for name in names:
        (tmp_path / name).touch()
    gone = prune(tmp_path, (1, 0, 0), NOW)
    assert [path.name for path in gone] == [names[0], names[2]]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({*names} - {names[0], names[2]})


def test_a_restore_ends_all_sessions(cast):
    callers = [Caller(cast.viewer), Caller(cast.admin)]
    assert [caller.get("/api/auth/me").status_code for caller in callers] == [200, 200]
    with pytest.raises(Forbidden):
        end_all_sessions(actor=cast.viewer)
    assert end_all_sessions(actor=SYSTEM) == 2
    assert [caller.get("/api/auth/me").status_code for caller in callers] == [401, 401]
    assert not Session.objects.alive().exists()
    assert sentence(AuditLog.objects.first()) == "system ended all 2 sessions of everybody"


def test_a_full_disk_or_a_failed_dump_is_the_reason_that_is_given(tmp_path):
    def failing():
        yield b"x" * 100_000
        raise BackupFailed("pg_dump failed: out of memory")

    arguments = {"keys": [KEY.to_public()], "signer": OURS}
    with (tmp_path / "b.age").open("wb") as file, pytest.raises(BackupFailed, match="out of memory"):
        write_archive(file, {}, "", failing(), **arguments)
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises((BackupFailed, OSError), match="No space"):
        write_archive(file, {}, "", iter([os.urandom(1_000_000)] * 3), **arguments)
