"""The Merkle tree as the database stores it: every leaf and every eighth level above, so that a proof reads little."""

from collections import OrderedDict
from collections.abc import Iterable

from audit.crypto.merkle import Frontier, consistency_path, cover, inclusion_path, node_hash
from audit.models import Leaf, Node
from reprotech.core.exceptions import Conflict

#: Levels 0, 8, 16, ... are stored: a subtree between them is folded from at most 256 hashes.
LEVEL_STEP = 8
BLOCK_WIDTH = 1 << LEVEL_STEP
#: A traversal of the whole tree needs a block of each stored level, and those of the right edge.
MAX_CACHED_BLOCKS = 32


class ProofUnavailable(Conflict):
    """No proof is possible; the message says why."""


class TreeIncomplete(ProofUnavailable, LookupError):
    """Leaves or nodes are missing."""

    def __init__(self, level: int, index: int) -> None:
        super().__init__(f"The tree has no complete node {index} on level {level}. manage.py verify_audit tells more.")


class StoredTree:
    """Reads nodes of the tree in blocks of up to 256 and caches some; use one instance per proof, export or run."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree; raises TreeIncomplete."""
        stored_level = level - level % LEVEL_STEP
        above = level - stored_level
        block, offset = divmod(index, BLOCK_WIDTH >> above)
        hashes = self._block(stored_level, block)[above]
        if offset >= len(hashes):
            raise TreeIncomplete(level, index)
        return hashes[offset]

    def frontier(self, size: int) -> Frontier:
        return Frontier(size, (self.node(level, index) for level, index in cover(0, size)))

    def inclusion_path(self, position: int, size: int) -> list[bytes]:
        return inclusion_path(self.node, position, size)

    def consistency_path(self, old: int, new: int) -> list[bytes]:
        return consistency_path(self.node, old, new)

    def _block(self, level: int, block: int) -> list[list[bytes]]:
        """A block's hashes and, above them, those of its complete subtrees up to seven levels higher."""
        key = (level, block)
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        rows = [list(_stored_hashes(level, block * BLOCK_WIDTH, (block + 1) * BLOCK_WIDTH))]
        while len(rows) < LEVEL_STEP:
            rows.append([node_hash(left, right) for left, right in zip(rows[-1][::2], rows[-1][1::2], strict=False)])
        self._blocks[key] = rows
        if len(self._blocks) > MAX_CACHED_BLOCKS:
            self._blocks.popitem(last=False)
        return rows


def _stored_hashes(level: int, start: int, end: int) -> Iterable[bytes]:
    if level == 0:
        leaves = Leaf.objects.filter(position__gte=start, position__lt=end).order_by("position")
        return map(bytes, leaves.values_list("hash", flat=True))
    nodes = Node.objects.filter(level=level, index__gte=start, index__lt=end).order_by("index")
    return map(bytes, nodes.values_list("hash", flat=True))
