"""Compares the stored nodes of the tree, used for proofs, with those computed from its leaves."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from django.db.models import Q

from audit.models import Node
from audit.sealing.stored_tree import LEVEL_STEP
from audit.verification.findings import Finding, Kind, describe_range

STORED_LEVELS = range(LEVEL_STEP, 64, LEVEL_STEP)
BATCH_SIZE = 500
MAX_NAMED = 20

Computed = tuple[int, int, bytes]


class NodeCheck:
    """Collects computed nodes, and compares them once a checkpoint confirms the tree so far."""

    def __init__(self) -> None:
        self._new: list[Computed] = []
        self._good: list[Computed] = []

    def collect(self, completed: Iterable[Computed]) -> None:
        """Collect nodes that a leaf completed."""
        self._new += [node for node in completed if node[0] % LEVEL_STEP == 0]

    def accept(self) -> Iterator[Finding]:
        """A checkpoint confirms the collected nodes."""
        self._good += self._new
        self._new = []
        if len(self._good) >= BATCH_SIZE:
            yield from self.finish()

    def replace(self, completed: Iterable[Computed]) -> None:
        """Discard what was collected since the last good checkpoint, in favour of these nodes."""
        self._new = []
        self.collect(completed)

    def finish(self) -> Iterator[Finding]:
        """Compare what hasn't been compared yet."""
        # By level and index, so that one query reads a level's neighbours.
        self._good.sort()
        for level, nodes in groupby(self._good, key=lambda node: node[0]):
            yield from _compared(level, list(nodes))
        self._good = []


def _compared(level: int, nodes: Sequence[Computed]) -> Iterator[Finding]:
    rows = Node.objects.filter(level=level, index__gte=nodes[0][1], index__lte=nodes[-1][1])
    stored = {index: bytes(found) for index, found in rows.values_list("index", "hash")}
    for _, index, expected in nodes:
        if stored.get(index) != expected:
            start, end = index << level, index + 1 << level
            what = "was changed" if index in stored else "is missing"
            sentence = f"The node {index} of level {level}, over {describe_range(start, end)}, {what}."
            yield Finding(Kind.TREE, sentence, start=start, end=end)


def extra_nodes(size: int) -> list[tuple[int, int]]:
    """Stored nodes, as (level, index), that the tree of the first `size` leaves doesn't have."""
    proper = Q()
    for level in STORED_LEVELS:
        proper |= Q(level=level, index__gte=0, index__lt=size >> level)
    return list(Node.objects.exclude(proper).order_by("level", "index").values_list("level", "index"))


def extra_node_findings(nodes: Iterable[tuple[int, int]], size: int) -> Iterator[Finding]:
    """Those of these nodes that no tree of `size` leaves can have."""
    wrong = [(level, index) for level, index in nodes if level not in STORED_LEVELS or not 0 <= index < size >> level]
    for level, index in wrong[:MAX_NAMED]:
        yield Finding(Kind.TREE, f"The node {index} of level {level} is none of this tree's.")
    if len(wrong) > MAX_NAMED:
        yield Finding(Kind.TREE, f"{len(wrong) - MAX_NAMED} more nodes are none of this tree's.")
