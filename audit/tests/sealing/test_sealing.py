"""The sealer: every committed event gets one place in the tree, whatever happens around it."""

import contextlib
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction

from audit.crypto.merkle import leaf_hash
from audit.crypto.sealed_row import canonical_bytes
from audit.crypto.signed_note import sign, verify_note
from audit.models import Action, AuditLog, Checkpoint, Leaf, Node, SigningKey
from audit.sealing.anchor_file import append_notes
from audit.sealing.append_only_triggers import suspended
from audit.sealing.key_rotation import rotate_key
from audit.sealing.sealer import LedgerCorrupted, Sealer, SealingInProgress, latest_checkpoint, verified_checkpoint
from audit.sealing.signing_keys import SigningKeyError, current_signer, known_keys
from audit.sealing.stored_tree import StoredTree
from audit.services import record
from audit.tests.support.merkle_proofs import root_hash
from reprotech.core.actors import System


def write(count=1, **details):
    return [
        record(actor=None, action=Action.LOGIN, resource="auth", number=number, **details) for number in range(count)
    ]


def sealed_hashes():
    """The hashes of all events in the order of the tree, computed from the events as they are stored."""
    leaves = Leaf.objects.order_by("position")
    return [leaf_hash(canonical_bytes(AuditLog.objects.get(pk=leaf.event_id).sealed_row())) for leaf in leaves]


def assert_all_is_sealed():
    hashes = sealed_hashes()
    assert [bytes(leaf.hash) for leaf in Leaf.objects.order_by("position")] == hashes
    assert len(hashes) == AuditLog.objects.count()
    statement = verified_checkpoint(latest_checkpoint())
    tree = lambda level, index: hashes[index] if level == 0 else StoredTree().node(level, index)  # noqa: E731
    assert (statement.size, statement.root) == (len(hashes), root_hash(tree, len(hashes)))


def test_events_are_sealed_under_a_signed_checkpoint(db):
    write(5)
    done = Sealer().seal()
    assert (done.count, done.refused) == (AuditLog.objects.count(), [])
    assert_all_is_sealed()
    text, signed_by = verify_note(latest_checkpoint().note, known_keys())
    assert signed_by == known_keys()
    assert text.splitlines()[:2] == ["127.0.0.1:5001/audit", str(done.count)]


def test_nothing_new_makes_no_checkpoint(db):
    write()
    sealer = Sealer()
    sealer.seal()
    before = Checkpoint.objects.count()
    assert sealer.seal().count == Sealer().seal().count == 0
    assert Checkpoint.objects.count() == before


def test_checkpoints_are_chained(db):
    sealer = Sealer()
    for _ in range(3):
        write(2)
        sealer.seal()
    first, second, third = [checkpoint.statement for checkpoint in Checkpoint.objects.all()]
    assert first.previous == ""
    assert len({first.previous, second.previous, third.previous}) == 3
    assert first.time <= second.time <= third.time


def test_a_tree_of_many_blocks_is_the_same_as_one_sealed_in_pieces(db):
    sealer = Sealer()
    for count in (1, 255, 256, 3, 300):
        write(count)
        sealer.seal()
        assert_all_is_sealed()
    assert Node.objects.filter(level=8).count() == AuditLog.objects.count() // 256


def test_what_this_installation_did_not_write_is_not_sealed(db, caplog):
    genuine, changed, forged, copied = write(4)
    with suspended():
        AuditLog._base_manager.filter(pk=changed.pk).update(username="somebody else")
        AuditLog._base_manager.filter(pk=forged.pk).update(authentication=b"x" * 32)
        copied.pk = copied.pk + 1000
        AuditLog._base_manager.bulk_create([copied])
    done = Sealer().seal()
    assert done.refused == [changed.pk, forged.pk, copied.pk]
    assert Leaf.objects.filter(event_id=genuine.pk).exists()
    assert not Leaf.objects.filter(event_id__in=done.refused).exists()
    assert str(forged.pk) in caplog.text


def test_a_copy_of_a_sealed_event_is_not_sealed(db):
    (event,) = write()
    Sealer().seal()
    event.pk, event._state.adding = event.pk - 1000, True
    AuditLog._base_manager.bulk_create([event])
    assert Sealer().seal().refused == [event.pk]


def test_nothing_is_built_on_a_damaged_tree(db):
    write(300)
    Sealer().seal()
    damages = [
        lambda: Leaf._base_manager.filter(position=299).delete(),
        lambda: Leaf._base_manager.filter(position=299).update(hash=b"x" * 32),
        lambda: Node._base_manager.filter(level=8, index=0).update(hash=b"x" * 32),
        lambda: Node._base_manager.filter(level=8, index=0).delete(),
        lambda: Checkpoint._base_manager.all().delete(),
        lambda: Checkpoint._base_manager.update(note="nonsense"),
    ]
    for damage in damages:
        with transaction.atomic():
            with suspended():
                damage()
            write()
            with pytest.raises(LedgerCorrupted):
                Sealer().seal()
            transaction.set_rollback(True)
    write()
    assert Sealer().seal().count == 1


def test_a_sealer_remembers_what_it_signed_although_the_database_forgets(db):
    sealer = Sealer()
    write(3)
    sealer.seal()
    (lost,) = write()
    sealer.seal()
    with suspended():
        size = latest_checkpoint().size
        Checkpoint._base_manager.filter(size=size).delete()
        Leaf._base_manager.filter(position=size - 1).delete()
        AuditLog._base_manager.filter(pk=lost.pk).delete()
    write()
    with pytest.raises(LedgerCorrupted):
        sealer.seal()


def put_another_checkpoint_of_the_same_size():
    """As good as the last one, and signed by the same key: only who remembers the other can tell."""
    latest = latest_checkpoint()
    other = replace(latest.statement, time=latest.statement.time + timedelta(seconds=1))
    with suspended():
        Checkpoint._base_manager.filter(size=latest.size).update(note=sign(str(other), [current_signer()]))


def test_a_sealer_remembers_which_tree_of_a_size_it_signed(db):
    sealer = Sealer()
    write(3)
    sealer.seal()
    put_another_checkpoint_of_the_same_size()
    write()
    with pytest.raises(LedgerCorrupted, match="were signed, and now there are"):
        sealer.seal()


def test_nothing_is_built_on_another_checkpoint_than_the_anchor_file_has(db, settings, tmp_path):
    write(3)
    Sealer().seal()
    settings.AUDIT_ANCHOR_FILE = tmp_path / "anchors"
    append_notes(settings.AUDIT_ANCHOR_FILE, [latest_checkpoint().note], create=True)
    write()
    assert Sealer().seal().count == 1
    append_notes(settings.AUDIT_ANCHOR_FILE, [latest_checkpoint().note], create=True)
    put_another_checkpoint_of_the_same_size()
    write()
    with pytest.raises(LedgerCorrupted, match="lacks or has otherwise"):
        Sealer().seal()


def test_a_clock_that_is_set_back_does_not_make_checkpoints_run_backwards(db):
    write()
    Sealer().seal()
    with suspended():
        ahead = latest_checkpoint().sealed_at + timedelta(hours=1)
        Checkpoint._base_manager.update(sealed_at=ahead)
    write()
    Sealer().seal()
    assert latest_checkpoint().statement.time == ahead


def test_a_foreign_key_may_not_sign_until_the_old_one_says_so(db, settings):
    write()
    Sealer().seal()
    write()
    old, new = settings.AUDIT_SIGNING_KEY, b"n" * 31 + b"!"
    settings.AUDIT_SIGNING_KEY = new
    with pytest.raises(SigningKeyError, match="rotate_audit_key"):
        Sealer().seal()
    settings.AUDIT_SIGNING_KEY = old
    rotate_key(actor=System(), new_seed=new)
    write()
    with pytest.raises(SigningKeyError):
        Sealer().seal()
    settings.AUDIT_SIGNING_KEY = new
    assert Sealer().seal().count == 1
    first, second = known_keys()
    assert verify_note(SigningKey.objects.last().statement, [first])[1] == [first]
    assert verify_note(latest_checkpoint().note, [second])[1] == [second]


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_is_sealed_later(cast):
    sealer = Sealer()
    sealer.seal()
    inserted, may_commit = threading.Event(), threading.Event()

    def write_slowly():
        with transaction.atomic():
            write()
            inserted.set()
            may_commit.wait(30)
        connection.close()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    inserted.wait(30)
    later = write(3)
    assert sealer.seal().count == 3
    write(2)
    assert sealer.seal().count == 2
    may_commit.set()
    slow.join()
    assert sealer.seal().count == 1
    assert Leaf.objects.last().event_id < later[0].pk
    assert_all_is_sealed()


@pytest.mark.django_db(transaction=True)
def test_many_sealers_at_once_seal_each_event_once(cast):
    def seal_often():
        sealer = Sealer()
        for _ in range(10):
            write(3)
            with contextlib.suppress(SealingInProgress):
                sealer.seal()
        connection.close()

    sealers = [threading.Thread(target=seal_often) for _ in range(4)]
    for sealer in sealers:
        sealer.start()
    for sealer in sealers:
        sealer.join()
    Sealer().seal()
    assert AuditLog.objects.count() >= 120
    assert_all_is_sealed()


def test_the_key_is_in_no_row_and_no_representation(db):
    write()
    Sealer().seal()
    from audit.sealing.signing_keys import current_signer

    assert settings.AUDIT_SIGNING_KEY.hex() not in repr(current_signer())
    stored = bytes(SigningKey.objects.get().public_key)
    assert stored != settings.AUDIT_SIGNING_KEY
