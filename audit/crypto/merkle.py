"""The Merkle tree of RFC 6962, section 2: hashes, roots and proofs, without any storage.

A node is named by its level (0 for leaves) and its index on that level. Only complete subtrees have a node; the right
edge is folded together from them.
"""

import hashlib
from collections.abc import Callable, Iterable

#: The 32 bytes of the complete subtree at (level, index).
Nodes = Callable[[int, int], bytes]
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    # The prefixes keep an inner node from being passed off as a leaf (RFC 6962, section 2.1).
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def cover(start: int, end: int) -> list[tuple[int, int]]:
    """The fewest complete subtrees, as (level, index) from left to right, that make up these leaves."""
    pieces = []
    while start < end:
        alignment = (start & -start).bit_length() - 1 if start else end.bit_length()
        level = min(alignment, (end - start).bit_length() - 1)
        pieces.append((level, start >> level))
        start += 1 << level
    return pieces


def fold(hashes: Iterable[bytes]) -> bytes:
    """The hash over neighbouring subtrees, the largest first, as at the right edge of a tree."""
    *rest, result = hashes
    for left in reversed(rest):
        result = node_hash(left, result)
    return result


def subtree_hash(nodes: Nodes, start: int, end: int) -> bytes:
    """The Merkle Tree Hash of the leaves from `start` to `end`, where `start` is a boundary of the tree."""
    return fold(nodes(level, index) for level, index in cover(start, end))


class Frontier:
    """The right edge of a growing tree: enough to add leaves and to compute the root, whatever the tree's size."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """`hashes` are those of the `cover` of `size` leaves."""
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf's hash; returns the inner nodes (level, index, hash) that it completes."""
        completed = []
        level, index = 0, self.size
        self.size += 1
        # Each 1 at the end of the index is a complete left neighbour to join with, as in a carry.
        while index & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            level, index = level + 1, index >> 1
            completed.append((level, index, leaf))
        self._hashes.append(leaf)
        return completed

    def copy(self) -> "Frontier":
        return Frontier(self.size, self._hashes)

    @property
    def root(self) -> bytes:
        return fold(self._hashes) if self._hashes else EMPTY_ROOT


def inclusion_path(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf up (RFC 6962, section 2.1.1)."""
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree_hash(nodes, middle, end))
            end = middle
        else:
            path.append(subtree_hash(nodes, start, middle))
            start = middle
    return path[::-1]


def consistency_path(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """The proof that the first `old` of `new` leaves are what they were (RFC 6962, section 2.1.2)."""
    if old in (0, new):
        return []
    path, start, end = [], 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree_hash(nodes, middle, end))
            end = middle
        else:
            path.append(subtree_hash(nodes, start, middle))
            start = middle
    # The verifier has the old root already: if the old tree is a complete subtree, it isn't repeated.
    if start:
        path.append(subtree_hash(nodes, start, end))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`, where RFC 6962 divides a tree of this size."""
    return 1 << (size - 1).bit_length() - 1
