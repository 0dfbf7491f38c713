"""Finds out what happened to a tree that is not the one that was signed, and which events are affected."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from audit.crypto.merkle import Frontier
from audit.sealing.sealer import unsealed_events
from audit.sealing.stored_tree import StoredTree
from audit.verification.findings import Finding, Kind, describe_range, finding_at
from audit.verification.reader import COLUMNS, Entry, make_entry, read_entries

#: Larger ranges between two checkpoints, which no sealer makes, are reported as a whole.
MAX_DIAGNOSED_LEAVES = 50_000


class Diagnosis(NamedTuple):
    """What is wrong, and the tree as it was signed with its new nodes, if it could be reconstructed."""

    findings: list[Finding]
    tree: Frontier | None
    nodes: Sequence[tuple[int, int, bytes]] = ()


def diagnose(start: Frontier, size: int, root: bytes) -> Diagnosis:
    """Examine the tree from `start`, which is good, up to `size`, where another root was signed."""
    if size - start.size > MAX_DIAGNOSED_LEAVES:
        return Diagnosis([_rewritten(start.size, size)], frontier_from_nodes(size, root))
    found = list(read_entries(start.size, size))
    orphans = list(_without_leaf(size - start.size - len(found)))
    # Each checkpoint seals its events in the order of their ids.
    in_order = sorted([*found, *orphans], key=lambda one: one.event_id)
    for attempt in (found, in_order):
        tree = start.copy()
        nodes = [node for one in attempt for node in tree.append(one.computed or one.leaf)]
        if (tree.size, tree.root) == (size, root):
            return Diagnosis(list(_differences(start.size, attempt)), tree, nodes)
    return Diagnosis([_rewritten(start.size, size), *_suspects(found)], frontier_from_nodes(size, root))


def classify(found: Entry, others: Sequence[Entry] = ()) -> Finding:
    """The finding for an event that doesn't match its leaf, where the leaf is the signed one."""
    at = f"event {found.event_id} at place {found.position}"
    moved = found.is_authentic or any(found.computed == other.leaf for other in others)
    if moved:
        sentence = f"The {at} is as it was written, but another one was sealed at this place."
        return finding_at(Kind.REORDERED, found.position, sentence, found.event_id)
    return finding_at(Kind.CHANGED, found.position, f"The {at} is not what was sealed.", found.event_id)


def _differences(start: int, proper: Sequence[Entry]) -> Iterator[Finding]:
    """How the database differs from the entries as they were sealed, from position `start` on."""
    for position, one in enumerate(proper, start):
        if not one.leaf:
            sentence = f"The leaf of event {one.event_id} at place {position} is missing."
            yield finding_at(Kind.REMOVED, position, sentence, one.event_id)
        elif one.position != position:
            sentence = f"Event {one.event_id} was sealed at place {position}, and now stands at {one.position}."
            yield finding_at(Kind.REORDERED, one.position, sentence, one.event_id)
        elif one.computed and one.computed != one.leaf:
            sentence = f"The leaf of event {one.event_id} at place {position} was changed; the event is as it was."
            yield finding_at(Kind.TREE, position, sentence, one.event_id)


def _suspects(found: Sequence[Entry]) -> Iterator[Finding]:
    """Events that can be named although the tree can't be trusted."""
    misfits = [one for one in found if one.computed is not None and one.computed != one.leaf]
    yield from (classify(one, misfits) for one in misfits)
    if any(one.is_authentic for one in found):  # otherwise SECRET_KEY is another one than it was
        for one in found:
            if one.row and one.computed == one.leaf and not one.is_authentic:
                sentence = f"The event {one.event_id} at place {one.position} was not written like this."
                yield finding_at(Kind.CHANGED, one.position, sentence, one.event_id)
    for one in _out_of_order(found):
        sentence = f"Event {one.event_id} stands at place {one.position}, where it can't have been sealed."
        yield finding_at(Kind.REORDERED, one.position, sentence, one.event_id)


def _out_of_order(found: Sequence[Entry]) -> list[Entry]:
    """The fewest entries without which the ids ascend."""
    # A longest ascending subsequence by binary search: comparing all pairs of 50,000 leaves would take too long.
    ends: list[int] = []  # the lowest id that a run of each length can end with
    lengths = []
    for one in found:
        length = bisect_left(ends, one.event_id)
        ends[length : length + 1] = [one.event_id]
        lengths.append(length)
    wanted, left = len(ends) - 1, []
    for one, length in zip(reversed(found), reversed(lengths), strict=True):
        if length == wanted:
            wanted -= 1
        else:
            left.append(one)
    return left[::-1]


def _without_leaf(count: int) -> Iterator[Entry]:
    """The first authentic events that are not in the tree."""
    if count > 0:
        for columns in unsealed_events()[:count].values_list(*COLUMNS):
            found = make_entry(-1, columns[0], b"", columns)
            if found.is_authentic:
                yield found


def frontier_from_nodes(size: int, root: bytes) -> Frontier | None:
    """The tree by its stored nodes, if those were not changed."""
    try:
        tree = StoredTree().frontier(size)
    except LookupError:
        return None
    return tree if tree.root == root else None


def _rewritten(start: int, end: int) -> Finding:
    sentence = (
        f"What stands at {describe_range(start, end)} is not what was signed: events were changed, removed, "
        "inserted or moved there, together with their leaves."
    )
    return Finding(Kind.TREE, sentence, start=start, end=end)
