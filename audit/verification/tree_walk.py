"""Traverses the log in the order of the tree, from checkpoint to checkpoint, and reports what doesn't match."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from django.db.models import Q

from audit.crypto.merkle import Frontier
from audit.crypto.sealed_row import COMMITMENT_BYTES, SealedRow
from audit.crypto.signed_note import CheckpointText
from audit.models import Checkpoint, Node
from audit.sealing.stored_tree import LEVEL_STEP
from audit.verification.diagnosis import classify, diagnose, frontier_from_nodes
from audit.verification.explained_gaps import UPKEEP_ACTIONS, GapAccounting
from audit.verification.findings import Finding, IntervalSet, Kind, describe_range
from audit.verification.reader import BATCH_SIZE, Entry, read_entries
from audit.verification.signatures import CheckpointChain, claimed_statement

#: Mismatches that wait for the next checkpoint, which decides what they are.
MAX_PENDING_MISMATCHES = 10_000
#: How often, after damage, the tree is reconstructed from stored nodes.
MAX_RECOVERY_ATTEMPTS = 20

Progress = Callable[[int, int], object]
STORED_LEVELS = range(LEVEL_STEP, 64, LEVEL_STEP)
NODE_BATCH_SIZE = 500
MAX_NAMED = 20

Computed = tuple[int, int, bytes]


class TreeWalk:
    """One traversal, from the tree of `frontier`, which is good, to the checkpoint `newest`."""

    def __init__(self, frontier: Frontier, newest: Checkpoint, gaps: GapAccounting, progress: Progress) -> None:
        claimed = claimed_statement(newest)
        self.end = max(newest.size, claimed.size if claimed else 0)
        #: The largest verified tree, and the time of its checkpoint.
        self.good = frontier.copy()
        self.until: datetime | None = None
        #: Where codes match no SECRET_KEY.
        self.unfit_codes = IntervalSet()
        self._newest, self._gaps, self._progress = newest, gaps, progress
        self._frontier = frontier
        self._nodes = NodeCheck()
        self._misfits: list[Entry] = []
        self._is_lost, self._attempts, self._unfit_checkpoints = False, MAX_RECOVERY_ATTEMPTS, 0
        self._entries = read_entries(frontier.size, self.end)
        self._ahead = next(self._entries, None)

    def findings(self, chain: CheckpointChain, kept: Iterable[CheckpointText]) -> Iterator[Finding]:
        """`kept` are checkpoints that were stored elsewhere, in ascending order."""
        waiting = list(kept)
        for checkpoint in _checkpoints(self.good.size, self._newest.size):
            signed, wrong = chain.check(checkpoint)
            yield from wrong
            if signed is None:
                continue
            while waiting and waiting[0].size <= signed.size:
                yield from self._compare(waiting.pop(0))
            yield from self._read_until(signed.size)
            yield from self._check_root(signed)
        yield from self._read_until(self.end)
        yield from self._report_misfits()
        yield from self._nodes.finish()
        for one in waiting:
            sentence = f"A checkpoint that was kept elsewhere covers {one.size} events; here {self.end} are signed."
            yield Finding(Kind.TRUNCATED, sentence, start=self.end, end=one.size)
        if self._unfit_checkpoints:
            sentence = f"{self._unfit_checkpoints} later checkpoints don't fit the tree either, as follows from this."
            yield Finding(Kind.TREE, sentence)

    def _read_until(self, size: int) -> Iterator[Finding]:
        """Read leaves until the tree has this size."""
        found = self._ahead
        while found is not None and found.position < size:
            if found.position != self._frontier.size:
                yield from self._skip_to(found.position)
            completed = self._frontier.append(found.leaf)
            if len(completed) >= LEVEL_STEP:
                self._nodes.collect(completed)
            if found.computed != found.leaf or not found.is_authentic or _is_special(found.row):
                yield from self._process(found)
            if not found.position % BATCH_SIZE:
                self._progress(found.position, self.end)
            found = next(self._entries, None)
        self._ahead = found
        if self._frontier.size < size:
            yield from self._skip_to(size)

    def _process(self, found: Entry) -> Iterator[Finding]:
        """Process an event that needs attention."""
        if found.computed is None:
            self._gaps.record_missing(found.position)
        elif found.computed != found.leaf:
            self._misfits.append(found)
            if len(self._misfits) > MAX_PENDING_MISMATCHES:
                yield from self._report_misfits()
        else:
            if not found.is_authentic:
                self.unfit_codes.add(found.position)
            yield from self._gaps.read(found)

    def _skip_to(self, position: int) -> Iterator[Finding]:
        # Skip to this position: leaves before it are missing, and no root can be computed over them.
        start = self._frontier.size
        self._frontier = Frontier(position, [b""] * position.bit_count())
        if self._ahead is None:
            sentence = f"The tree ends before place {start}, but {position} events were signed."
            yield Finding(Kind.TRUNCATED, sentence, start=start, end=position)
        else:
            yield Finding(
                Kind.TREE, f"The leaves of {describe_range(start, position)} are missing.", start=start, end=position
            )

    def _check_root(self, signed: CheckpointText) -> Iterator[Finding]:
        """Compare the tree with a stored checkpoint."""
        tree: Frontier | None = self._frontier
        if self._frontier.root == signed.root:
            yield from self._report_misfits()
        elif self._is_lost:
            self._unfit_checkpoints += 1
            yield from self._report_misfits()
            self._attempts -= 1
            tree = frontier_from_nodes(signed.size, signed.root) if self._attempts > 0 else None
            self._nodes.replace([])
        else:
            diagnosis = diagnose(self.good, signed.size, signed.root)
            yield from diagnosis.findings
            self._misfits.clear()
            self._nodes.replace(diagnosis.nodes)
            tree = diagnosis.tree
        self._is_lost = tree is None
        if tree is not None:
            self._frontier, self.good = tree, tree.copy()
            self.until = signed.time
            yield from self._nodes.accept()

    def _compare(self, kept: CheckpointText) -> Iterator[Finding]:
        """Compare the tree with a checkpoint that was stored elsewhere."""
        yield from self._read_until(kept.size)
        if self._frontier.root != kept.root:
            sentence = f"A checkpoint that was kept elsewhere covers other {kept.size} events than the log has now."
            yield Finding(Kind.CHECKPOINT, sentence, start=0, end=kept.size)

    def _report_misfits(self) -> Iterator[Finding]:
        for one in self._misfits:
            yield classify(one, self._misfits)
        self._misfits = []


def _is_special(row: SealedRow | None) -> bool:
    """Whether parts of this event are missing, or it may explain what is missing of others."""
    return row is not None and (
        len(row.actor_opening) == COMMITMENT_BYTES
        or len(row.subject_opening) == COMMITMENT_BYTES
        or row.action in UPKEEP_ACTIONS
    )


def _checkpoints(after: int, until: int) -> Iterator[Checkpoint]:
    while batch := list(Checkpoint.objects.filter(size__gt=after, size__lte=until).order_by("size")[:BATCH_SIZE]):
        yield from batch
        after = batch[-1].size


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
        if len(self._good) >= NODE_BATCH_SIZE:
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
