"""What proves events: bundles, and single proofs for the API. `docs/audit.md` describes the format.

A bundle is a file that proves itself to `scripts/verify-export`. It holds what is in the database, unverified: checking
the file finds what is wrong.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from django.db.models import Count, Exists, Max, Min, OuterRef
from django.utils import timezone

from audit.crypto.merkle import cover
from audit.crypto.sealed_row import COMMITMENT_BYTES, SealedRow, format_timestamp
from audit.models import AuditLog, Checkpoint, Leaf, SigningKey
from audit.models.querysets import AppendOnlyQuerySet, AuditLogQuerySet
from audit.sealing.sealer import latest_checkpoint, unsealed_events
from audit.sealing.stored_tree import ProofUnavailable, StoredTree
from reprotech.core.exceptions import DomainError, NotFound

BUNDLE = "bundle"

FORMAT = "reprotech-audit/1"
COMPLETE, SELECTION = "complete", "selection"
CHUNK_SIZE = 500

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class LeafPosition(NamedTuple):
    """An event's leaf and its position in the tree."""

    position: int
    event_id: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class _Places:
    """What `read` gives, as often as it is asked for."""

    read: Callable[[], Iterator[list[LeafPosition]]]

    def __iter__(self) -> Iterator[list[LeafPosition]]:
        return self.read()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, written in constant memory."""

    header: Mapping[str, object]
    #: The size of the tree that its proofs are for.
    size: int
    #: Number of events; of a selection, when it was requested.
    rows: int
    #: Its leaves in chunks, in the order of the tree; read from the database each time.
    places: Iterable[list[LeafPosition]] = field(repr=False)

    def lines(self) -> Iterator[str]:
        tree = StoredTree() if self.header["kind"] == SELECTION else None
        count = 0
        yield f"{_encode(self.header)}\n"
        for some in self.places:
            events = read_events(place.event_id for place in some)
            for place in some:
                line = event_line(place, events.get(place.event_id))
                if tree:
                    line["proof"] = base64_texts(tree.inclusion_path(place.position, self.size))
                yield f"{_encode(line)}\n"
            count += len(some)
        yield f"{_encode({'end': count})}\n"


def complete_bundle(start: int = 0, end: int | None = None) -> Bundle:
    """Every event from position `start` to `end` (excluded; None: the newest checkpoint's); raises ProofUnavailable."""
    checkpoint = _newest_checkpoint()
    size = checkpoint.size
    end = size if end is None else end
    if not 0 <= start < end <= size:
        raise ProofUnavailable(f"{size:,} events are sealed: give places from 0 to {size}, the first below the second.")
    header = _header(COMPLETE, checkpoint) | {
        "start": start,
        "end": end,
        "before": _subtrees(0, start),
        "after": _subtrees(end, size),
        "unsealed": unsealed_events().count() if end == size else 0,
    }
    return Bundle(header, size, end - start, _Places(lambda: _all_positions(start, end)))


def selected_bundle(events: AuditLogQuerySet, filters: Mapping[str, object]) -> Bundle:
    """The sealed ones of `events`, which `filters` describe in the file; raises ProofUnavailable."""
    checkpoint = _newest_checkpoint()
    wanted = Exists(events.order_by().filter(pk=OuterRef("event_id")))
    leaves = Leaf.objects.filter(wanted, position__lt=checkpoint.size)
    found = leaves.aggregate(rows=Count("position"), first=Min("position"), last=Max("position"))
    header = _header(SELECTION, checkpoint) | {
        "filters": dict(filters),
        "unsealed": events.order_by().unsealed().count(),
    }
    rows, first, last = found["rows"], found["first"], found["last"]
    places = _Places(lambda: _selected_positions(leaves, first, last, rows)) if rows else ()
    return Bundle(header, checkpoint.size, rows, places)


def write(file: Writable, bundle: Bundle) -> str:
    """Write a bundle; returns the file's SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    for line in map(str.encode, bundle.lines()):
        digest.update(line)
        file.write(line)
    return digest.hexdigest()


def event_line(place: LeafPosition, row: SealedRow | None) -> dict[str, object]:
    """A line of a bundle, without a proof; `row` is None for an event that was archived."""
    line: dict[str, object] = {"position": place.position, "leaf": base64_text(place.leaf)}
    if row is not None:
        line["event"] = event_fields(row)
    return line


def event_fields(row: SealedRow) -> dict[str, object]:
    """An event with all that is needed to compute its leaf."""
    texts = {
        "timestamp": format_timestamp(row.timestamp),
        "session_id": row.session_id and str(row.session_id),
        "actor_opening": row.actor_opening.hex(),
        "subject_opening": row.subject_opening.hex(),
    }
    names = {
        "version": "v",
        "actor_opening": _opening_name("actor", row.actor_opening),
        "subject_opening": _opening_name("subject", row.subject_opening),
    }
    return {names.get(name, name): value for name, value in {**row._asdict(), **texts}.items()}


def read_events(ids: Iterable[int]) -> dict[int, SealedRow]:
    """The existing events with these ids, by id."""
    rows = AuditLog.objects.filter(pk__in=list(ids)).order_by().values_list(*SealedRow._fields)
    return {columns[0]: SealedRow(*columns[:-2], *map(bytes, columns[-2:])) for columns in rows}


def base64_text(binary: bytes) -> str:
    return b64encode(binary).decode()


def base64_texts(hashes: Iterable[bytes]) -> list[str]:
    return [base64_text(found) for found in hashes]


def _opening_name(part: str, opening: bytes) -> str:
    return f"{part}_commitment" if len(opening) == COMMITMENT_BYTES else f"{part}_salt"


def _newest_checkpoint() -> Checkpoint:
    checkpoint = latest_checkpoint()
    if checkpoint is None:
        raise ProofUnavailable("The audit log is not sealed yet: there is no checkpoint.")
    return checkpoint


def _header(kind: str, checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "bundle": FORMAT,
        "kind": kind,
        "made_at": format_timestamp(timezone.now()),
        "checkpoint": checkpoint.note,
        "keys": list(SigningKey.objects.values_list("statement", flat=True)),
    }


def _subtrees(start: int, end: int) -> list[str]:
    tree = StoredTree()
    return base64_texts(tree.node(level, index) for level, index in cover(start, end))


def _all_positions(start: int, end: int) -> Iterator[list[LeafPosition]]:
    for first in range(start, end, CHUNK_SIZE):
        yield _read_positions(Leaf.objects.filter(position__gte=first, position__lt=min(first + CHUNK_SIZE, end)))


def _selected_positions(
    leaves: AppendOnlyQuerySet[Leaf], start: int, last: int, rows: int
) -> Iterator[list[LeafPosition]]:
    # Read leaves in ranges that hold about a chunk of them each, however densely they lie, and none twice.
    width = (last + 1 - start) * CHUNK_SIZE // rows + 1
    while start <= last:
        some = _read_positions(leaves.filter(position__gte=start, position__lt=min(start + width, last + 1)))
        if some:
            yield some
        start = some[-1].position + 1 if len(some) == CHUNK_SIZE else start + width


def _read_positions(leaves: AppendOnlyQuerySet[Leaf]) -> list[LeafPosition]:
    columns = leaves.order_by("position").values_list("position", "event_id", "hash")[:CHUNK_SIZE]
    return [LeafPosition(position, event_id, bytes(leaf)) for position, event_id, leaf in columns]


class ProofNotFound(DomainError):
    """There is no such event or checkpoint; the message says which."""

    code = NotFound.code
    status = NotFound.status


def prove_inclusion(event_id: int, size: int | None = None) -> dict[str, object]:
    """The proof of an event under the newest checkpoint or that of `size`; raises ProofNotFound or ProofUnavailable."""
    leaf = Leaf.objects.filter(event_id=event_id).first()
    if leaf is None:
        is_there = AuditLog.objects.filter(pk=event_id).exists()
        raise ProofNotFound("This event is not sealed yet." if is_there else "There is no such event.")
    checkpoint = find_checkpoint(size)
    if leaf.position >= checkpoint.size:
        raise ProofNotFound(f"This event was sealed after the checkpoint of {checkpoint.size:,} events.")
    row = read_events([event_id]).get(event_id)
    return {
        "event_id": event_id,
        "position": leaf.position,
        "size": checkpoint.size,
        "leaf": base64_text(bytes(leaf.hash)),
        "proof": base64_texts(StoredTree().inclusion_path(leaf.position, checkpoint.size)),
        "checkpoint": checkpoint.note,
        "event": event_fields(row) if row else None,
    }


def prove_consistency(old_size: int, new_size: int) -> dict[str, object]:
    """The proof that the newer log begins with the older one; raises ProofNotFound or ProofUnavailable."""
    old, new = find_checkpoint(old_size), find_checkpoint(new_size)
    return {
        "from": old.size,
        "to": new.size,
        "proof": base64_texts(StoredTree().consistency_path(old.size, new.size)),
        "from_checkpoint": old.note,
        "to_checkpoint": new.note,
    }


def find_checkpoint(size: int | None = None) -> Checkpoint:
    """The checkpoint of this size, or the newest; raises ProofNotFound."""
    if size is None:
        found, sentence = latest_checkpoint(), "There is no checkpoint yet."
    else:
        found, sentence = Checkpoint.objects.filter(size=size).first(), f"There is no checkpoint of {size:,} events."
    if found is None:
        raise ProofNotFound(sentence)
    return found
