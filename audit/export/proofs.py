"""Proofs about the sealed log: that an event is in it, and that it only grew."""

from dataclasses import dataclass

from audit.crypto.sealed_row import SealedRow
from audit.export.bundles import LeafPosition, read_events
from audit.models import AuditLog, Checkpoint, Leaf
from audit.sealing.sealer import latest_checkpoint
from audit.sealing.stored_tree import StoredTree
from reprotech.core.exceptions import DomainError, NotFound


class ProofNotFound(DomainError):
    """There is no such event or checkpoint; the message says which."""

    code = NotFound.code
    status = NotFound.status


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That an event has a position in the tree that a checkpoint signs."""

    place: LeafPosition
    checkpoint: Checkpoint
    path: list[bytes]
    #: None once it was archived.
    row: SealedRow | None


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the tree of a checkpoint begins with that of an older one."""

    old: Checkpoint
    new: Checkpoint
    path: list[bytes]


def prove_inclusion(event_id: int, size: int | None = None) -> Inclusion:
    """Prove an event under the newest checkpoint or that of `size`; raises ProofNotFound or ProofUnavailable."""
    leaf = Leaf.objects.filter(event_id=event_id).values_list("position", "event_id", "hash").first()
    if leaf is None:
        is_there = AuditLog.objects.filter(pk=event_id).exists()
        raise ProofNotFound("This event is not sealed yet." if is_there else "There is no such event.")
    place = LeafPosition(leaf[0], leaf[1], bytes(leaf[2]))
    checkpoint = find_checkpoint(size)
    if place.position >= checkpoint.size:
        raise ProofNotFound(f"This event was sealed after the checkpoint of {checkpoint.size:,} events.")
    path = StoredTree().inclusion_path(place.position, checkpoint.size)
    return Inclusion(place, checkpoint, path, read_events([event_id]).get(event_id))


def prove_consistency(old_size: int, new_size: int) -> Consistency:
    """Prove that the newer log begins with the older one; raises ProofNotFound or ProofUnavailable."""
    old, new = find_checkpoint(old_size), find_checkpoint(new_size)
    return Consistency(old, new, StoredTree().consistency_path(old.size, new.size))


def find_checkpoint(size: int | None = None) -> Checkpoint:
    """The checkpoint of this size, or the newest; raises ProofNotFound."""
    if size is None:
        found, sentence = latest_checkpoint(), "There is no checkpoint yet."
    else:
        found, sentence = Checkpoint.objects.filter(size=size).first(), f"There is no checkpoint of {size:,} events."
    if found is None:
        raise ProofNotFound(sentence)
    return found
