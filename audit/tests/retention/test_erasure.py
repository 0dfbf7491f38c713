"""Erasing parts of events: text and salt are gone, leaves, checkpoints and proofs are what they were."""

import os
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from audit.crypto.merkle import consistency_path, leaf_hash
from audit.crypto.sealed_row import canonical_bytes
from audit.crypto.signed_note import verify_note
from audit.models import Action, AuditLog, Checkpoint, Leaf
from audit.retention.erasure import BATCH_SIZE, ErasureParts, erase_parts
from audit.sealing.append_only_triggers import ChangeRefused, suspended
from audit.sealing.sealer import Sealer, latest_checkpoint, verified_checkpoint
from audit.sealing.signing_keys import SigningKeyError, known_keys
from audit.sealing.stored_tree import StoredTree
from audit.services import build_event, record, record_events
from audit.tests.support.merkle_proofs import is_consistent, is_included
from reprotech.core.actors import System
from reprotech.core.request_context import RequestOrigin, request_origin

ORIGIN = RequestOrigin("2001:db8::77", "Zebra-Browser/1", "r" * 32, "POST", "/users/5")


#: Of a user whom nobody else's events are about.
YAK = 987_654


class Person:
    """Whom the tests erase."""

    pk, username = 4711, "zoe.zebra"


def write(count=1, **fields):
    with request_origin(ORIGIN):
        wanted = {"action": Action.UPDATE, "resource": "user", "resource_id": YAK, "resource_name": "yan.yak", **fields}
        record_events(
            build_event(actor=Person(), changes={"email": ("yan@lab.example", "yak@lab.example")}, **wanted)
            for _ in range(count)
        )


def erase():
    mine = AuditLog.objects.filter(user_id=Person.pk)
    about = AuditLog.objects.filter(resource="user", resource_id=str(YAK)).exclude(action=Action.ERASE)
    return erase_parts(actor=System(), parts=ErasureParts([mine], [about]), resource="user", resource_id=YAK)


def snapshot():
    """Everything that a verifier had before."""
    return (
        list(Leaf.objects.order_by("position").values_list("position", "event_id", "hash")),
        list(Checkpoint.objects.values_list("size", "note")),
    )


def assert_proofs_hold(before):
    leaves, checkpoints = before
    assert list(Leaf.objects.order_by("position").values_list("position", "event_id", "hash"))[: len(leaves)] == leaves
    assert list(Checkpoint.objects.values_list("size", "note"))[: len(checkpoints)] == checkpoints
    now = verified_checkpoint(latest_checkpoint())
    tree = StoredTree()
    for leaf in Leaf.objects.all():
        row = AuditLog.objects.get(pk=leaf.event_id)
        assert bytes(leaf.hash) == leaf_hash(canonical_bytes(row.sealed_row()))
        path = tree.inclusion_path(leaf.position, now.size)
        assert is_included(bytes(leaf.hash), leaf.position, now.size, path, now.root)
    for size, note in checkpoints:
        text, _ = verify_note(note, known_keys())
        root = Checkpoint(note=note).statement.root
        assert text
        assert is_consistent(size, now.size, root, now.root, consistency_path(tree.node, size, now.size))


def test_what_is_erased_is_gone_and_every_proof_still_holds(db):
    write(2)
    Sealer().seal()
    write()
    record(actor=System(), action=Action.LOGIN, resource="auth")
    before = snapshot()
    assert erase() == 3
    for row in AuditLog.objects.filter(user_id=Person.pk):
        assert (row.username, row.user_agent, row.ip_address, row.resource_name) == ("", "", None, "")
        assert row.details == {"changes": {"email": None}}
        assert (row.is_actor_erased, row.is_subject_erased) == (True, True)
        assert (row.user_id, row.resource_id, row.request_id) == (4711, str(YAK), "r" * 32)
    assert_proofs_hold(before)
    assert latest_checkpoint().size == AuditLog.objects.count()


def test_the_erasure_is_on_record_without_a_name_and_sealed_with_it(db):
    write(3, success=False)
    ids = list(AuditLog.objects.filter(user_id=Person.pk).order_by("pk").values_list("pk", flat=True))
    erase()
    event = AuditLog.objects.get(action=Action.ERASE)
    assert event.details == {"actor_parts": ids, "subject_parts": ids}
    assert (event.username, event.resource, event.resource_id, event.resource_name) == ("system", "user", str(YAK), "")
    assert Leaf.objects.filter(event_id=event.pk).exists()


def test_one_part_can_go_without_the_other(db):
    write()
    nobody = AuditLog.objects.none()
    mine = AuditLog.objects.filter(user_id=Person.pk)
    erase_parts(actor=System(), parts=ErasureParts([mine], [nobody]), resource="user", resource_id=Person.pk)
    row = AuditLog.objects.get(user_id=Person.pk)
    assert (row.username, row.resource_name, row.is_subject_erased) == ("", "yan.yak", False)
    assert row.details["changes"]["email"] == ["yan@lab.example", "yak@lab.example"]


def test_erasing_again_finds_nothing_and_changes_nothing(db):
    write()
    erase()
    openings = list(AuditLog.objects.order_by("pk").values_list("actor_opening", "subject_opening"))
    assert erase() == 0
    assert list(AuditLog.objects.order_by("pk").values_list("actor_opening", "subject_opening"))[:-1] == openings


def test_nothing_is_erased_when_it_can_not_be_sealed(db, settings):
    write()
    Sealer().seal()
    settings.AUDIT_SIGNING_KEY = os.urandom(32)
    with pytest.raises(SigningKeyError):
        erase()
    assert AuditLog.objects.get(user_id=Person.pk).username == "zoe.zebra"
    assert not AuditLog.objects.filter(action=Action.ERASE).exists()


def test_a_row_that_is_not_ours_is_not_erased(db):
    write(2)
    forged = AuditLog.objects.filter(user_id=Person.pk).first()
    with suspended():
        AuditLog._base_manager.filter(pk=forged.pk).update(user_agent="forged")
    assert erase() == 1
    assert AuditLog.objects.get(pk=forged.pk).username == "zoe.zebra"


def test_many_events_take_several_records_of_bounded_length(db):
    write(BATCH_SIZE + 1)
    before = snapshot()
    assert erase() == BATCH_SIZE + 1
    events = AuditLog.objects.filter(action=Action.ERASE).order_by("pk")
    assert [len(row.details["actor_parts"]) for row in events] == [BATCH_SIZE, 1]
    assert max(len(row.details["actor_parts"]) + len(row.details["subject_parts"]) for row in events) <= 5_000
    assert snapshot()[0][: len(before[0])] == before[0]


@pytest.mark.only_on("postgresql")
def test_a_role_without_the_right_is_told_so(db):
    write()
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE reprotech_web_test")
        cursor.execute("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO reprotech_web_test")
        cursor.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reprotech_web_test")
        cursor.execute("SET LOCAL ROLE reprotech_web_test")
        try:
            with pytest.raises(ChangeRefused):
                erase()
        finally:
            cursor.execute("RESET ROLE")
    assert AuditLog.objects.get(user_id=Person.pk).username == "zoe.zebra"


@pytest.mark.django_db(transaction=True)
def test_no_byte_of_text_or_salt_stays_in_the_database(stack, tmp_path):
    write(5)
    Sealer().seal()
    secrets = [b"zoe.zebra", b"Zebra-Browser", b"yan.yak", b"yak@lab.example"]
    rows = AuditLog.objects.filter(user_id=Person.pk).values_list("actor_opening", "subject_opening")
    salts = [bytes(salt) for pair in rows for salt in pair]
    assert all(secret in stored_bytes(stack) for secret in secrets)
    assert all(as_stored(stack, salt) in stored_bytes(stack) for salt in salts)
    erase()
    left = stored_bytes(stack)
    assert [secret for secret in secrets if secret in left] == []
    assert [salt for salt in salts if as_stored(stack, salt) in left] == []
    assert b"r" * 32 in left


def as_stored(stack, salt):
    return salt if stack == "sqlite" else salt.hex().encode()


def stored_bytes(stack):
    """SQLite's files as they lie on the disk; PostgreSQL's table as it dumps it."""
    if stack == "postgresql":
        with connection.cursor() as cursor, cursor.copy("COPY audit_logs TO STDOUT") as copy:
            return b"".join(map(bytes, copy))
    name = django_settings.DATABASES["default"]["NAME"]
    files = [f"{name}{suffix}" for suffix in ("", "-wal")]
    return b"".join(Path(file).read_bytes() for file in files if Path(file).exists())
