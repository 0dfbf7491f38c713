"""Proofs about the sealed log: that an event is in it, and that it only grew."""

from audit.export.bundles import base64_text, base64_texts, event_fields, read_events
from audit.models import AuditLog, Checkpoint, Leaf
from audit.sealing.sealer import latest_checkpoint
from audit.sealing.stored_tree import StoredTree
from reprotech.core.exceptions import DomainError, NotFound


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
