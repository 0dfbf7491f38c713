"""Handing over to a new signing key: on record, never shown, and visible to verifiers when the old one is lost."""

import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.crypto.signed_note import NoteError, Signer, VerifierKey, sign, verify_note
from audit.models import Action, AuditLog, Checkpoint, SigningKey
from audit.sealing.append_only_triggers import suspended
from audit.sealing.key_rotation import rotate_key
from audit.sealing.sealer import LedgerCorrupted, Sealer
from audit.sealing.signing_keys import SigningKeyError, known_keys
from audit.services import record
from reprotech.core.actors import System
from reprotech.core.key_material import encode_seed, new_seed, parse_seed

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def seal_one():
    record(actor=None, action=Action.LOGIN, resource="auth")
    return Sealer().seal()


def test_a_rotated_key_signs_once_the_settings_name_it(settings, tmp_path):
    seal_one()
    file = tmp_path / "new.key"
    said = run("rotate_audit_key", "--to", str(file))
    old, new = known_keys()
    seed = parse_seed(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(new) in said
    assert encode_seed(seed) not in said
    event = AuditLog.objects.get(action=Action.KEY_ROTATE)
    assert (event.username, event.resource, event.changes) == ("system", "audit", {"key": [old.label, new.label]})
    assert verify_note(SigningKey.objects.last().statement, known_keys())[1] == [old, new]
    with pytest.raises(SigningKeyError):
        seal_one()
    settings.AUDIT_SIGNING_KEY = seed
    assert seal_one().count >= 2
    assert verify_note(Checkpoint.objects.last().note, [new])[1] == [new]


def test_a_key_file_is_never_overwritten_and_not_left_behind(settings, tmp_path):
    seal_one()
    file = tmp_path / "precious"
    file.write_text("precious")
    with pytest.raises(CommandError, match="there already"):
        run("rotate_audit_key", "--to", str(file))
    assert file.read_text() == "precious"
    settings.AUDIT_SIGNING_KEY = new_seed()
    with pytest.raises(CommandError, match="newest key"):
        run("rotate_audit_key", "--to", str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    assert len(known_keys()) == 1
    assert not AuditLog.objects.filter(action=Action.KEY_ROTATE).exists()


@pytest.mark.parametrize("content", ["", "nonsense\n", "AAAA", "ä", encode_seed(b"\0" * 32)])
def test_a_file_without_a_key_is_refused_without_being_repeated(tmp_path, content):
    seal_one()
    file = tmp_path / "bad"
    file.write_text(content)
    with pytest.raises(CommandError) as error:
        run("rotate_audit_key", "--new-key-file", str(file))
    assert not content or content.strip() not in str(error.value)
    assert len(known_keys()) == 1


def test_a_key_that_signed_before_is_no_new_one(settings, tmp_path):
    seal_one()
    file = tmp_path / "present"
    file.write_text(encode_seed(settings.AUDIT_SIGNING_KEY))
    with pytest.raises(CommandError, match="not new"):
        run("rotate_audit_key", "--new-key-file", str(file))


def test_a_lost_key_is_a_break_until_the_operator_names_it(settings, tmp_path):
    seal_one()
    with pytest.raises(CommandError, match="isn't lost"):
        run("rotate_audit_key", "--old-key-is-lost", "--to", str(tmp_path / "new"))
    file = tmp_path / "new"
    file.write_text(encode_seed(new_seed()))
    settings.AUDIT_SIGNING_KEY = parse_seed(file.read_text())
    said = run("rotate_audit_key", "--old-key-is-lost", "--new-key-file", str(file))
    old, new = known_keys()
    assert f"AUDIT_TRUSTED_KEYS={old}" in said
    with pytest.raises(NoteError):
        verify_note(SigningKey.objects.last().statement, [old])
    assert verify_note(SigningKey.objects.last().statement, [new])[1] == [new]
    assert AuditLog.objects.get(action=Action.KEY_ROTATE).details["old_key_is_lost"] is True
    with pytest.raises(LedgerCorrupted, match="AUDIT_TRUSTED_KEYS"):
        seal_one()
    settings.AUDIT_TRUSTED_KEYS = [old]
    assert seal_one().count >= 2
    assert run("verify_audit", "--key", str(new), "--key", str(old), "--quiet") == run("verify_audit", "--quiet") == ""
    assert "that one was lost" in run("audit_keys")
    settings.AUDIT_TRUSTED_KEYS = []
    seal_one()  # its own checkpoint is the last one now
    for options in ((), ("--key", str(new)), ("--key", str(old))):
        with pytest.raises(CommandError) as error:
            run("verify_audit", *options)
        assert error.value.returncode == 1


def test_a_stolen_key_that_was_replaced_signs_nothing_that_is_sealed_on(settings):
    old = settings.AUDIT_SIGNING_KEY
    seal_one()
    new = new_seed()
    rotate_key(actor=System(), new_seed=new)
    settings.AUDIT_SIGNING_KEY = new
    seal_one()
    with suspended():
        last = Checkpoint.objects.last()
        forged = sign(last.text, [Signer(last.statement.origin, old)])
        Checkpoint._base_manager.filter(pk=last.pk).update(note=forged)
    with pytest.raises(LedgerCorrupted, match="Nothing is sealed"):
        seal_one()


def test_an_auditor_is_given_every_public_key(settings, tmp_path):
    assert "No key" in run("audit_keys")
    seal_one()
    run("rotate_audit_key", "--to", str(tmp_path / "new"))
    listed = run("audit_keys")
    assert [VerifierKey.parse(line) for line in listed.splitlines() if "+" in line] == known_keys()
    assert "nothing is sealed" in listed
    assert "lost" not in listed
    settings.AUDIT_SIGNING_KEY = parse_seed((tmp_path / "new").read_text())
    assert "set as AUDIT_SIGNING_KEY" in run("audit_keys")
