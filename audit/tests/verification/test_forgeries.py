"""An attacker with the whole database, but none of the keys, deceives no verifier: not the command, the page, the
standalone program nor, above all, the sealer, whose next signature would make a forgery genuine."""

from functools import cache

import pytest
from django.db import connection, transaction

from audit import worker
from audit.crypto.signed_note import NoteError, verify_note
from audit.models import SigningKey
from audit.sealing.append_only_triggers import suspended
from audit.sealing.key_rotation import rotate_key
from audit.sealing.sealer import LedgerCorrupted, Sealer, latest_checkpoint
from audit.sealing.signing_keys import SigningKeyError, known_keys
from audit.sealing.stored_tree import ProofUnavailable
from audit.tests.support.forgeries import (
    FORGERIES,
    added_at_the_end,
    begun_again,
    cut_to_the_first_key,
    forge,
    newest_signed_again,
)
from audit.tests.support.sealed_log import complete
from audit.tests.support.standalone_verifier import module as verifier
from audit.tests.support.standalone_verifier import verify
from audit.tests.support.tampering import NEW_SEED, OLD_SEED, write
from audit.verification import runs as verification_runs
from audit.verification.findings import Kind
from audit.verification.verifier import Verification
from reprotech.core.actors import System


@pytest.fixture
def keys(db, settings):
    """The two keys of a log of some dozen events under six checkpoints."""
    settings.AUDIT_SIGNING_KEY = OLD_SEED
    number = 0
    for count in (2, 12, 1, 3, 8, 1):
        if count == 3:
            rotate_key(actor=System(), new_seed=NEW_SEED)
            settings.AUDIT_SIGNING_KEY = NEW_SEED
        for _ in range(count):
            number += 1
            write(number)
        Sealer().seal()
    return known_keys()


def damages(**options):
    return [one for one in Verification(**options).findings() if not one.is_warning]


def deceived(keys):
    """Who lets what the database now holds pass as genuine."""
    findings = list(verification_runs.record_run(Verification()))
    assert Kind.GUARD not in {one.kind for one in findings}
    if all(one.is_warning for one in findings):
        yield "verify_audit"
    if verification_runs.status().state != verification_runs.State.DAMAGED:
        yield "the page"
    if not damages(pinned=keys[:1]):
        yield "verify_audit --key 1"
    bundle = bundle_of_all()
    yield from (f"verify-export --key {number}" for number, key in enumerate(keys, 1) if passes(bundle, key))
    if not _is_by(keys[-1]) and _seals():
        yield "the sealer"


def bundle_of_all():
    try:
        return complete()
    except ProofUnavailable:
        return b""


def passes(bundle, key):
    return verify(bundle, "--key", key)[0] == 0


def _is_by(key):
    try:
        return bool(verify_note(latest_checkpoint().note, [key]))
    except NoteError:
        return False


def _seals():
    write(1)
    try:
        Sealer().seal()
    except (LedgerCorrupted, SigningKeyError):
        return False
    return True


def wrong_after(keys, change):
    with transaction.atomic():
        with suspended():
            change()
        wrong = list(deceived(keys))
        transaction.set_rollback(True)
    return wrong


def test_the_genuine_log_passes(keys):
    assert damages() == damages(pinned=keys[:1]) == damages(pinned=keys[1:]) == []
    assert all(passes(complete(), key) for key in keys)
    assert _seals()


@pytest.mark.slow
def test_no_forgery_deceives_anybody(keys, monkeypatch):
    # Most signatures are the same in each forgery, and checking one takes 15 ms in plain Python.
    monkeypatch.setattr(verifier, "is_signed", cache(verifier.is_signed))
    assert len(FORGERIES) > 100
    wrong = {}
    for place, tree in FORGERIES:
        if found := wrong_after(keys, lambda place=place, tree=tree: forge(place, tree)):
            wrong[place, tree.__name__] = found
    assert wrong == {}


def test_whoever_knows_the_present_key_sees_that_all_it_signed_is_gone(keys):
    second = keys[-1]

    def forget():
        cut_to_the_first_key()
        SigningKey._base_manager.filter(public_key=second.public).delete()

    for change in (cut_to_the_first_key, forget):
        # Who knows only the first key needs a checkpoint or an anchor for that, as for any end that was cut off.
        wrong = wrong_after(keys, change)
        assert set(wrong) <= {"verify_audit --key 1", "verify-export --key 1"}


def test_the_server_says_in_its_log_why_it_does_not_go_on(keys, caplog, monkeypatch):
    monkeypatch.setattr(connection, "close", lambda: None)  # it would end this test's transaction
    with suspended():
        forge("a key before the first", begun_again)
    write(1)
    size = latest_checkpoint().size
    thread = worker.sealing_thread()
    thread.run_once()
    thread.run_once()
    (line,) = [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert "Nothing is sealed on top of it" in line.message
    assert latest_checkpoint().size == size


def test_a_new_key_takes_over_no_forgery(keys):
    with suspended():
        forge("no key", newest_signed_again)
    with pytest.raises(LedgerCorrupted):
        rotate_key(actor=System(), new_seed=b"x" * 31 + b"!")


class VerifiedHere:
    def join(self):
        list(verification_runs.record_run(Verification()))


@pytest.mark.parametrize("place", ["a key before the first", "a key for both"])
def test_the_page_need_not_wait_for_the_next_verification_of_all(keys, place, monkeypatch):
    list(verification_runs.record_run(Verification()))
    monkeypatch.setattr(
        verification_runs, "start_full_verification", VerifiedHere
    )  # another process would not see this transaction
    with suspended():
        forge(place, added_at_the_end)
    verification_runs.verify_incrementally()
    assert verification_runs.status().state == verification_runs.State.DAMAGED
