"""Whatever happens to a log in the right way: it never alarms, seals every event once, and proves every event."""

import contextlib
import os

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from audit.crypto.merkle import consistency_path
from audit.crypto.signed_note import verify_note
from audit.models import AuditLog, Checkpoint, Leaf
from audit.sealing.key_rotation import rotate_key
from audit.sealing.sealer import Sealer
from audit.sealing.signing_keys import known_keys
from audit.sealing.stored_tree import StoredTree
from audit.services import record_events
from audit.tests.support.merkle_proofs import is_consistent, is_included
from audit.tests.support.tampering import write
from audit.verification.verifier import Verification
from reprotech.core.actors import System

#: The same sequences in every run: a failure is a bug, never bad luck.
PROFILE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=6,
    stateful_step_count=20,
    suppress_health_check=list(HealthCheck),
)


class RolledBack(Exception):
    """What ends a transaction that must leave nothing."""


class Histories(RuleBasedStateMachine):
    """One log. What a transaction wrote that is still open is added when it commits, with the id that it got first."""

    def __init__(self):
        super().__init__()
        self.sealer = Sealer()
        self.number = 0
        self.late = []
        self.sealed = {}

    @rule(count=st.integers(1, 5) | st.sampled_from([150, 300]))
    def write(self, count):
        for _ in range(count):
            self.number += 1
            write(self.number)

    @rule(count=st.integers(1, 3))
    def roll_back(self, count):
        with contextlib.suppress(RolledBack), transaction.atomic():
            self.write(count)
            raise RolledBack

    @rule()
    def begin_slowly(self):
        """An event that gets its id now, and can be seen only later."""
        self.number += 1
        with contextlib.suppress(RolledBack), transaction.atomic():
            self.late.append(write(self.number))
            raise RolledBack

    @rule()
    def commit_late(self):
        taken = set(AuditLog.objects.filter(pk__in=[event.pk for event in self.late]).values_list("pk", flat=True))
        # SQLite gives ids again after a rollback
        events = list({event.pk: event for event in self.late if event.pk not in taken}.values())
        self.late = []
        for event in events:
            event._state.adding = True
        record_events(events)
        # On one connection nothing commits late: what made it visible to the sealer is that its transaction was open.
        self.sealer = Sealer()

    @rule()
    def seal(self):
        self.sealer.seal()

    @rule()
    def restart(self):
        self.sealer = Sealer()

    @rule()
    def rotate(self):
        seed = os.urandom(32)
        rotate_key(actor=System(), new_seed=seed)
        django_settings.AUDIT_SIGNING_KEY = seed

    @invariant()
    def every_event_keeps_its_place(self):
        places = dict(Leaf.objects.values_list("event_id", "position"))
        assert self.sealed.items() <= places.items()
        assert sorted(places.values()) == list(range(len(places)))
        self.sealed = places

    @rule()
    def verify(self):
        verification = Verification()
        assert list(verification.findings()) == []
        assert verification.count + verification.unsealed == AuditLog.objects.count()

    @rule(number=st.integers(0, 10_000))
    def prove(self, number):
        """An event is in the newest tree, and an older tree is the beginning of it."""
        checkpoints = [checkpoint.statement for checkpoint in Checkpoint.objects.all()]
        if not checkpoints:
            return
        newest, older = checkpoints[-1], checkpoints[number % len(checkpoints)]
        tree = StoredTree()
        leaf = Leaf.objects.get(position=number % newest.size)
        path = tree.inclusion_path(leaf.position, newest.size)
        assert is_included(bytes(leaf.hash), leaf.position, newest.size, path, newest.root)
        assert not is_included(bytes(leaf.hash), leaf.position, newest.size, [*path, b"x" * 32], newest.root)
        proof = consistency_path(tree.node, older.size, newest.size)
        assert is_consistent(older.size, newest.size, older.root, newest.root, proof)
        assert verify_note(Checkpoint.objects.get(size=older.size).note, known_keys())

    def teardown(self):
        Sealer().seal()
        self.verify()
        self.every_event_keeps_its_place()
        assert self.sealed.keys() == set(AuditLog.objects.values_list("pk", flat=True))


@pytest.mark.slow
def test_no_history_alarms_loses_or_repeats(db, settings):
    key = settings.AUDIT_SIGNING_KEY

    def begin():
        settings.AUDIT_SIGNING_KEY = key
        begun.append(transaction.atomic())
        begun[-1].__enter__()
        return OneHistory()

    class OneHistory(Histories):
        def teardown(self):
            try:
                super().teardown()
            finally:
                transaction.set_rollback(True)
                begun.pop().__exit__(None, None, None)

    begun = []
    run_state_machine_as_test(begin, settings=PROFILE)
