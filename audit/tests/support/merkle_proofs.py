"""Checks proofs of the Merkle tree by the algorithms of RFC 9162, as an auditor's own program would."""

from collections.abc import Iterable

from audit.crypto.merkle import EMPTY_ROOT, Nodes, node_hash, subtree_hash


def root_hash(nodes: Nodes, size: int) -> bytes:
    return subtree_hash(nodes, 0, size) if size else EMPTY_ROOT


def is_included(leaf: bytes, index: int, size: int, path: Iterable[bytes], root: bytes) -> bool:
    """Whether `path` proves that a leaf with this hash stands at `index` (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and result == root


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Iterable[bytes]) -> bool:
    """Whether `path` proves that the tree of `new` leaves begins with that of `old` (RFC 9162, section 2.1.4.2)."""
    proof = list(path)
    if not 0 < old < new:
        return not proof and 0 <= old <= new and old_root == (new_root if old == new else EMPTY_ROOT)
    if old & (old - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_result = new_result = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_result, new_result = node_hash(sibling, old_result), node_hash(sibling, new_result)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new_result = node_hash(new_result, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and (old_result, new_result) == (old_root, new_root)
