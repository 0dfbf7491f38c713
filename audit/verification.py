"""Verifies the whole log: every event against its leaf, the tree against its checkpoints, these against their keys.

The tree is computed anew from what is stored and compared with what was signed. Only what a checkpoint covers is
looked at in this way, and it never changes, so nobody has to stop writing or sealing meanwhile. Events are read a few
at a time, in the order of the tree; what is held in memory doesn't grow with the log.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Q

from audit.append_only import absent_guards
from audit.authenticity import is_authentic
from audit.canonical import SealedRow
from audit.checkpoint_chain import CheckpointChain, Keys
from audit.coverage import Coverage
from audit.findings import Finding, Kind, Places, said
from audit.keys import log_name
from audit.merkle import Frontier
from audit.models import Checkpoint, Leaf
from audit.node_check import beyond, surplus
from audit.notes import CheckpointText, NoteError, Signer, VerifierKey, signed_text
from audit.sealed_events import BATCH, UNREADABLE_ERRORS
from audit.sealing import FIRST_ID, latest_checkpoint, to_seal
from audit.tree import StoredTree
from audit.tree_walk import Progress, TreeWalk

#: So many events are named in one sentence.
NAMED = 20


class CannotTell(Exception):
    """Nothing can be said about the log; the message says why."""


class Verification:
    """One verification. Its figures are right once `findings()` has come to its end."""

    def __init__(
        self,
        *,
        since: int = 0,
        pinned: VerifierKey | None = None,
        kept_notes: Iterable[str] = (),
        progress: Progress = lambda _done, _size: None,
    ) -> None:
        """`since`: take the tree of so many events as given, if it is the one of their checkpoint. `pinned`: the key
        that the caller trusts, in place of the configured one. `kept_notes`: checkpoints that were kept elsewhere.
        """
        self._since, self._pinned, self._kept_notes, self._progress = since, pinned, kept_notes, progress
        self._coverage = Coverage()
        #: Number of events that were looked at under a checkpoint, and its time.
        self.count = 0
        self.until: datetime | None = None
        #: Newer events, which no checkpoint covers yet.
        self.unsealed = 0

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong; nothing with a log that nobody touched. Raises CannotTell."""
        newest = latest_checkpoint()  # before the keys: whichever signed it is known by now
        keys = Keys(self._trusted_keys())
        yield from keys.check()
        yield from (Finding(Kind.GUARD, sentence) for sentence in absent_guards())
        if keys.known:
            yield from self._tree(keys.known, newest)
        elif newest:
            yield Finding(Kind.KEY, "The keys that signed the log are missing.")
        yield from _loose_ends(newest.size if newest else 0)
        yield from self._unsealed()
        self._coverage.explain_by_unsealed()
        yield from self._coverage.findings()
        for key, finding in keys.by_their_own_word:
            if not self._coverage.lost(key.label):
                yield finding

    def _trusted_keys(self) -> list[VerifierKey]:
        if self._pinned:
            return [self._pinned]
        if settings.AUDIT_SIGNING_KEY is None:
            raise CannotTell("AUDIT_SIGNING_KEY is not set, and no public key was given: nobody knows whose log it is.")
        return [Signer(log_name(), settings.AUDIT_SIGNING_KEY).verifier]

    def _tree(self, keys: Collection[VerifierKey], newest: Checkpoint | None) -> Iterator[Finding]:
        start, frontier = self._start(keys) if self._since else (None, Frontier())
        kept = []
        for note in self._kept_notes:
            try:
                kept.append(CheckpointText.parse(signed_text(note, keys)[0]))
            except (NoteError, ValueError) as error:
                yield Finding(Kind.KEY, f"A checkpoint that was kept elsewhere is none of this log. {error}")
        kept = sorted((one for one in kept if one.size > self._since), key=lambda one: one.size)
        if newest:
            walk = TreeWalk(frontier, newest, self._coverage, self._progress)
            yield from walk.findings(CheckpointChain(keys, start), kept)
            self.count, self.until = walk.good.size - self._since, walk.until
            yield from _codes(walk.unfit_codes)
        elif kept:
            yield Finding(Kind.TRUNCATED, f"{kept[-1].size} events were signed once, and now there is no checkpoint.")

    def _start(self, keys: Collection[VerifierKey]) -> tuple[Checkpoint, Frontier]:
        """The checkpoint of `since` events, and the tree that it signs."""
        checkpoint = Checkpoint.objects.filter(size=self._since).first()
        signed = CheckpointChain(keys).statement(checkpoint)[0] if checkpoint else None
        try:
            frontier = StoredTree().frontier(self._since)
        except LookupError:
            signed = None
        else:
            if checkpoint and signed and (signed.size, signed.root) == (self._since, frontier.root):
                return checkpoint, frontier
        raise CannotTell(
            f"There is no checkpoint of {self._since} events that the stored tree fits. Verify from the beginning."
        )

    def _sealed_before(self) -> int:
        """The id from which to look for events that are not sealed: to look at all is for a verification of all."""
        leaf = Leaf.objects.filter(position=self._since - 1).first() if self._since else None
        return leaf.event_id if leaf else FIRST_ID

    def _unsealed(self) -> Iterator[Finding]:
        """Events that are not sealed yet are fine, if this installation wrote them."""
        last = self._sealed_before() - 1
        try:
            while batch := list(to_seal(last + 1)[:BATCH]):
                last = batch[-1][0]
                self.unsealed += len(batch)
                for *columns, code, is_copy in batch:
                    row = SealedRow(*columns)
                    if is_copy or not is_authentic(row, bytes(code)):
                        what = "is a copy of another one" if is_copy else "was not written by this installation"
                        yield Finding(Kind.INSERTED, f"Event {row.id} {what}, and is not sealed.", (columns[0],))
        except UNREADABLE_ERRORS as error:
            yield Finding(Kind.INSERTED, f"An event after {last}, which is not sealed, can't even be read: {error}")


def _loose_ends(verified: int) -> Iterator[Finding]:
    """Leaves and nodes that no checkpoint covers. They are read before the checkpoint that may have come with them."""
    farthest = Leaf.objects.aggregate(farthest=Max("position"))["farthest"]
    nodes = beyond(verified)
    newest = latest_checkpoint()
    size = newest.size if newest else 0
    astray = Q(position__lt=0)
    if farthest is not None and farthest >= size:
        astray |= Q(position__gte=size)
    events = tuple(Leaf.objects.filter(astray).order_by("position").values_list("event_id", flat=True)[: NAMED + 1])
    if events:
        names = ", ".join(map(str, events[:NAMED])) + (", …" if len(events) > NAMED else "")
        sentence = f"No checkpoint covers the leaves of the events {names}: they were added, or a checkpoint removed."
        yield Finding(Kind.INSERTED, sentence, events, size, (farthest or 0) + 1)
    yield from surplus(nodes, size)


def _codes(unfit: Places) -> Iterator[Finding]:
    """Codes have done their duty once an event is sealed, and nobody can tell an old key's from a changed one."""
    runs = list(unfit)
    if not runs:
        return
    named = Leaf.objects.filter(position__in=[start for start, _ in runs[:NAMED]]).order_by("position")
    places = ", ".join(said(start, end) for start, end in runs[:NAMED]) + (", …" if len(runs) > NAMED else "")
    sentence = (
        f"Of {unfit.count} sealed events the authentication code fits no present SECRET_KEY, at {places}. They were "
        "written under an older one, or just the code was changed; the events are as they were sealed."
    )
    yield Finding(Kind.CODE, sentence, tuple(named.values_list("event_id", flat=True)), runs[0][0], runs[-1][1])
