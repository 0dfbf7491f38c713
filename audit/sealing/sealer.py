"""The sealer: appends committed events to the Merkle tree and signs a checkpoint.

Events get their ids when they are written, but appear when their transactions commit, in another order and with gaps.
So the tree has its own order, and an event is sealed when it has a leaf. On PostgreSQL, each row's `transaction_id`
says where to look for new ones: what was invisible to a snapshot belongs to a transaction not older than the snapshot's
oldest running one. Each process scans all events once, then only from there.

First, captured changes are settled (`audit.capture.settlement`). One transaction holds an advisory lock and adds leaves
and the checkpoint, or nothing. Writers take no such lock.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.capture.settlement import settle
from audit.crypto.merkle import EMPTY_ROOT, Frontier, leaf_hash
from audit.crypto.sealed_row import SealedRow, StoredColumns, canonical_bytes, is_authentic_content
from audit.crypto.signed_note import CheckpointText, NoteError, Signer, VerifierKey, fingerprint, sign
from audit.models import AuditLog, Checkpoint, Leaf, Node
from audit.models.querysets import AuditLogQuerySet
from audit.sealing import anchor_file
from audit.sealing.signing_keys import configured_signer, current_signer, known_keys
from audit.sealing.stored_tree import LEVEL_STEP, StoredTree
from audit.statistics import daily_counts, id_ranges
from reprotech.core.exceptions import Conflict

logger = logging.getLogger(__name__)

#: Events sealed by one transaction; fewer on SQLite, where writers wait meanwhile.
BATCH_SIZES = {"postgresql": 10_000, "sqlite": 1_000}
ADVISORY_LOCK_ID = 0x5EA1_A0D1
INSERT_BATCH_SIZE = 1_000
#: The lowest id that a row can have.
MIN_ID = -(2**63)
COLUMNS = SealedRow._fields


class SealingInProgress(Conflict):
    def __init__(self) -> None:
        super().__init__("The audit log is being sealed at this moment. Try again.")


class LedgerCorrupted(Conflict):
    """The stored tree is not what was signed, so nothing may be built on it."""


@dataclass(slots=True)
class SealResult:
    """How many events a run sealed, and the ids of rows that this installation didn't write."""

    count: int = 0
    refused: list[int] = field(default_factory=list)


class Sealer:
    """Seals new events. Its state only says where to look for them; losing it loses nothing."""

    def __init__(self, signer: Signer | None = None) -> None:
        """`signer`: a key that takes over now, in place of the configured one that signed last."""
        self._signer = signer
        #: On PostgreSQL a transaction's id, on SQLite an event's; None means to scan all events.
        self._scanned_until: int | None = None
        self._latest: CheckpointText | None = None
        self._agrees_with_anchors = False

    def seal(self) -> SealResult:
        """Seal all committed events; raises SealingInProgress, SigningKeyError or LedgerCorrupted."""
        settle(_lock)
        result = SealResult()
        if not self._agrees_with_anchors:
            self._agrees_with_anchors = _matches_anchor_file()
        since, self._scanned_until = self._scanned_until, None  # scan all events again if this fails
        if connection.vendor == "postgresql":
            until = int(str(_query_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")))
            start = MIN_ID if since is None else _first_event_since(since)
        else:
            until = start = MIN_ID if since is None else since
        while start is not None:
            last = self._seal_batch(start, result)
            start = None if last is None else last + 1
            if connection.vendor == "sqlite" and start is not None:
                until = start  # SQLite's writers are serialized, so ids are committed in ascending order
        self._scanned_until = until
        if result.refused:
            logger.critical(
                "The audit log holds rows that this installation didn't write, or that were changed before they were "
                "sealed: %s. If SECRET_KEY is being replaced, another server may have a key that this one doesn't: see "
                "docs/security.md, Rotating keys.",
                ", ".join(map(str, result.refused[:20])),
            )
        return result

    def _seal_batch(self, start: int, result: SealResult) -> int | None:
        """Seal events from the id `start` on; returns the last one's id, None when there are none."""
        # Before taking the lock, since most runs find nothing.
        if not unsealed_events(start).exists():
            return None
        with transaction.atomic():
            _lock()
            found = list(rows_to_seal(start)[: BATCH_SIZES[connection.vendor]])
            events = _authentic_events(found, result)
            latest = self._append(events) if events else self._latest
        # After the commit: a batch that is rolled back was not signed.
        self._latest = latest
        result.count += len(events)
        return found[-1][0] if found else None

    def _append(self, events: Collection[tuple[int, SealedRow, bytes]]) -> CheckpointText:
        """Add leaves for these events, and sign the resulting tree."""
        signer = self._signer or current_signer()
        previous = latest_checkpoint()
        frontier = self.trusted_frontier(previous)
        leaves: list[tuple[int, int, bytes]] = []
        nodes = []
        for event_id, _, content in events:
            leaf = leaf_hash(content)
            leaves.append((frontier.size, event_id, leaf))
            completed = frontier.append(leaf)
            nodes += [Node(level=at, index=index, hash=found) for at, index, found in completed if at % LEVEL_STEP == 0]
        _store_leaves(leaves)
        id_ranges.add((event_id, row.timestamp) for event_id, row, _ in events)
        daily_counts.add(
            daily_counts.CountKey.of(row.timestamp, row.action, success=row.success) for _, row, _ in events
        )
        Node.objects.bulk_create(nodes, INSERT_BATCH_SIZE)
        return sign_tree(frontier, previous, signer)

    def trusted_frontier(self, previous: Checkpoint | None) -> Frontier:
        """The right edge of the stored tree, if it is the one that was signed last; raises LedgerCorrupted."""
        last = Leaf.objects.order_by("-position").values_list("position", flat=True).first()
        size = 0 if last is None else last + 1
        signed = verified_checkpoint(previous) if previous else None
        if size != (signed.size if signed else 0):
            raise LedgerCorrupted(f"The tree has {size} events, but {signed.size if signed else 0} were signed.")
        try:
            frontier = StoredTree().frontier(size)
        except LookupError as error:
            raise LedgerCorrupted(str(error)) from None
        if frontier.root != (signed.root if signed else EMPTY_ROOT):
            raise LedgerCorrupted(f"The tree of {size} events is not the one that was signed.")
        # An attacker who can forge all of the above still can't change what this process remembers.
        if self._latest and (size < self._latest.size or (size == self._latest.size and signed != self._latest)):
            raise LedgerCorrupted(f"{self._latest.size} events were signed, and now there are {size}.")
        return frontier


def _lock() -> None:
    """Keep other processes from sealing during this transaction; raises SealingInProgress."""
    if connection.vendor == "postgresql" and not _query_value("SELECT pg_try_advisory_xact_lock(%s)", ADVISORY_LOCK_ID):
        raise SealingInProgress


@contextmanager
def sealing_lock() -> Iterator[None]:
    """A transaction during which no other process seals; waits until a running batch is finished."""
    with transaction.atomic():
        if connection.vendor == "postgresql":  # SQLite's transactions exclude each other already
            _query_value("SELECT pg_advisory_xact_lock(%s)", ADVISORY_LOCK_ID)
        yield


def latest_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.last()


def unsealed_events(start: int = MIN_ID) -> AuditLogQuerySet:
    return AuditLog.objects.filter(pk__gte=start).unsealed().order_by("pk")


def rows_to_seal(start: int) -> QuerySet[AuditLog, StoredColumns]:
    """For each event to seal: the sealed columns, the code, and whether it is a copy of another row."""
    return unsealed_events(start).with_copies().values_list(*COLUMNS, "authentication", "is_copy")


def _authentic_events(found: Iterable[StoredColumns], result: SealResult) -> list[tuple[int, SealedRow, bytes]]:
    """The events that this installation wrote, with ids and bytes; the ids of the others go into the result."""
    events = []
    for *columns, code, is_a_copy in found:
        row = SealedRow(*columns)
        content = canonical_bytes(row)
        if is_a_copy or not is_authentic_content(content, columns[0], bytes(code)):
            result.refused.append(columns[0])
        else:
            events.append((columns[0], row, content))
    return events


def _store_leaves(leaves: Collection[tuple[int, int, bytes]]) -> None:
    if connection.vendor == "postgresql":
        # As three arrays: composing a statement of thousands of values would take half the run.
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_leaves (position, event_id, hash) "
                "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])",
                [list(column) for column in zip(*leaves, strict=True)],
            )
    else:
        rows = [Leaf(position=position, event_id=event_id, hash=leaf) for position, event_id, leaf in leaves]
        Leaf.objects.bulk_create(rows, INSERT_BATCH_SIZE)


def sign_tree(frontier: Frontier, previous: Checkpoint | None, signer: Signer) -> CheckpointText:
    """Store the checkpoint of a tree, after `previous`."""
    now = timezone.now()
    statement = CheckpointText(
        origin=signer.name,
        size=frontier.size,
        root=frontier.root,
        # A clock that was set back must not make the checkpoints' times run backwards.
        time=max(now, previous.sealed_at) if previous else now,
        previous=fingerprint(previous.text) if previous else "",
    )
    Checkpoint.objects.create(size=statement.size, sealed_at=statement.time, note=sign(str(statement), [signer]))
    return statement


def trusted_keys() -> list[VerifierKey]:
    """The configured key and those of AUDIT_TRUSTED_KEYS; raises SigningKeyError."""
    return [configured_signer().verifier, *settings.AUDIT_TRUSTED_KEYS]


def verified_checkpoint(checkpoint: Checkpoint) -> CheckpointText:
    """The content of a checkpoint; raises LedgerCorrupted unless a trusted key signed it.

    Keys that only the database names don't count: a stranger may have added them, and our next signature would endorse
    them.
    """
    try:
        return CheckpointText.verified(checkpoint.note, trusted_keys())
    except NoteError as error:
        raise LedgerCorrupted(
            f"The last checkpoint, of {checkpoint.size} events, is not by AUDIT_SIGNING_KEY, nor by a key in "
            f"AUDIT_TRUSTED_KEYS. Nothing is sealed on top of it. {error} Name the key there if it is one that you "
            "lost or replaced; otherwise the log was changed, and manage.py verify_audit says more."
        ) from None


def _matches_anchor_file() -> bool:
    """Whether the database has the last checkpoint of the anchor file; False while the file can't be read.

    Raises LedgerCorrupted when the database lacks it: then the log was shortened or replaced.
    """
    if not settings.AUDIT_ANCHOR_FILE:
        return True
    try:
        note = anchor_file.last_note(settings.AUDIT_ANCHOR_FILE)
    except OSError:
        return False  # the anchoring thread reports it
    if note:
        require_stored(note)
    return True


def require_stored(note: str) -> None:
    """Raise LedgerCorrupted unless the database has this checkpoint, which was anchored before."""
    try:
        statement = CheckpointText.verified(note, known_keys())
    except NoteError as error:
        raise LedgerCorrupted(f"The last checkpoint in the anchor file is none of this log. {error}") from None
    stored = Checkpoint.objects.filter(size=statement.size).first()
    if stored is None or stored.text != str(statement):
        raise LedgerCorrupted(
            f"The anchor file has a checkpoint of {statement.size} events that the database lacks or has otherwise: "
            "the log was cut, replaced or restored from a backup."
        )


def _first_event_since(transaction_id: int) -> int | None:
    """The lowest id of the committed events that this transaction or later ones wrote."""
    found = _query_value(
        "WITH recent AS MATERIALIZED (SELECT id FROM audit_logs WHERE transaction_id >= %s) SELECT min(id) FROM recent",
        transaction_id,
    )
    return cast("int | None", found)


def _query_value(statement: str, *parameters: int) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]
