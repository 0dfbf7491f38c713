"""The position and checkpoint of an event, for its page."""

from dataclasses import dataclass

from audit.models import AuditLog, Checkpoint, Leaf


@dataclass(frozen=True, slots=True)
class Seal:
    """An event's position in the tree (from 0), its leaf hash (hexadecimal), and the checkpoint that covers it."""

    position: int
    leaf: str
    checkpoint: Checkpoint

    @property
    def number(self) -> int:
        return self.position + 1


def seal_of(event: AuditLog) -> Seal | None:
    leaf = Leaf.objects.filter(event_id=event.pk).first()
    checkpoint = leaf and Checkpoint.objects.filter(size__gt=leaf.position).first()
    return Seal(leaf.position, bytes(leaf.hash).hex(), checkpoint) if leaf and checkpoint else None
