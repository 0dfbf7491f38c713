"""Where an event stands in the seal: for people who look at it."""

from dataclasses import dataclass

from audit.models import AuditLog, Checkpoint, Leaf


@dataclass(frozen=True, slots=True)
class Seal:
    """An event's place in the tree (0 for the first), its leaf (hexadecimal), and the checkpoint that sealed it."""

    position: int
    leaf: str
    checkpoint: Checkpoint

    @property
    def number(self) -> int:
        """The place as people count."""
        return self.position + 1


def seal_of(event: AuditLog) -> Seal | None:
    """The seal of an event; None while it has none."""
    leaf = Leaf.objects.filter(event_id=event.pk).first()
    checkpoint = leaf and Checkpoint.objects.filter(size__gt=leaf.position).first()
    return Seal(leaf.position, bytes(leaf.hash).hex(), checkpoint) if leaf and checkpoint else None
