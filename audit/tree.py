"""The Merkle tree as the database holds it: every leaf, and every eighth level above, so that a proof reads little."""

from collections.abc import Iterable
from typing import Any

from audit.merkle import Frontier, cover, inclusion_path, node_hash
from audit.models import Leaf, Node

#: Levels 0, 8, 16, ... are stored: a subtree between them is folded from at most 256 hashes.
STEP = 8
WIDTH = 1 << STEP


class StoredTree:
    """Reads nodes of the tree a block of up to 256 at a time; one serves one proof or one run of the sealer."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree; raises LookupError when leaves or nodes are missing."""
        stored_level = level - level % STEP
        count = 1 << level - stored_level
        block, offset = divmod(index * count, WIDTH)
        hashes = self._block(stored_level, block)[offset : offset + count]
        if len(hashes) != count:
            raise LookupError(f"The tree has no complete node {index} on level {level}.")
        while len(hashes) > 1:
            hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def frontier(self, size: int) -> Frontier:
        """The right edge of the tree of the first `size` leaves."""
        return Frontier(size, (self.node(level, index) for level, index in cover(0, size)))

    def inclusion_path(self, position: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of `size` leaves."""
        return inclusion_path(self.node, position, size)

    def _block(self, level: int, block: int) -> list[bytes]:
        key = (level, block)
        if key not in self._blocks:
            self._blocks[key] = list(_stored(level, block * WIDTH, (block + 1) * WIDTH))
        return self._blocks[key]


def _stored(level: int, start: int, end: int) -> Iterable[bytes]:
    if level == 0:
        rows: Any = Leaf.objects.filter(position__gte=start, position__lt=end).order_by("position")
    else:
        rows = Node.objects.filter(level=level, index__gte=start, index__lt=end).order_by("index")
    return map(bytes, rows.values_list("hash", flat=True))
