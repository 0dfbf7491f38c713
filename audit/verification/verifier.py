"""Verifies the whole log: events against leaves, the tree against checkpoints, and these against keys.

The tree is recomputed from what is stored and compared with what was signed. What a checkpoint covers never changes, so
writing and sealing go on meanwhile. Events are read in batches, in the order of the tree; memory doesn't grow with the
log.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Q

from audit.capture.triggers import trigger_problems
from audit.crypto.merkle import Frontier
from audit.crypto.sealed_row import SealedRow, is_authentic
from audit.crypto.signed_note import CheckpointText, NoteError, VerifierKey
from audit.models import Checkpoint, Leaf, SigningKey
from audit.sealing.append_only_triggers import missing_triggers, unknown_triggers
from audit.sealing.sealer import MIN_ID, latest_checkpoint, rows_to_seal, trusted_keys
from audit.sealing.stored_tree import StoredTree
from audit.verification.explained_gaps import GapAccounting
from audit.verification.findings import Finding, IntervalSet, Kind, describe_range, list_some
from audit.verification.reader import BATCH_SIZE, UNREADABLE_ERRORS
from audit.verification.signatures import CheckpointChain, KeyChain
from audit.verification.tree_walk import Progress, TreeWalk, extra_node_findings, extra_nodes
from reprotech.core.exceptions import Conflict

MAX_NAMED = 20


class CannotVerify(Conflict):
    """Nothing can be said about the log; the message says why."""


class Verification:
    """One verification. Its attributes are final once `findings()` is exhausted."""

    def __init__(
        self,
        *,
        since: int = 0,
        pinned: Collection[VerifierKey] = (),
        kept_notes: Iterable[str] = (),
        progress: Progress = lambda _done, _size: None,
    ) -> None:
        """`since`: trust the tree of so many events, if its checkpoint matches. `pinned`: the keys that the caller
        trusts, instead of those in settings. `kept_notes`: checkpoints stored elsewhere.
        """
        self._since, self._pinned, self._kept_notes, self._progress = since, pinned, kept_notes, progress
        self._gaps = GapAccounting()
        #: Number of verified events, and the time of their checkpoint.
        self.count = 0
        self.until: datetime | None = None
        #: Newer events, which no checkpoint covers yet.
        self.unsealed = 0

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong; nothing with an intact log. Raises CannotVerify."""
        newest = latest_checkpoint()  # read before the keys, so that its key is among them
        keys = self._key_chain()
        yield from keys.findings()
        guards = (*missing_triggers(), *unknown_triggers(), *trigger_problems())
        yield from (Finding(Kind.GUARD, sentence) for sentence in guards)
        if newest and keys.accepted:
            yield from _newest_checkpoint_signer(newest, keys)
        if keys.keys:
            yield from self._tree(keys, newest)
        elif newest:
            yield Finding(Kind.KEY, "The keys that signed the log are missing.")
        yield from _uncovered_leaves(newest.size if newest else 0)
        yield from self._unsealed()
        self._gaps.explain_by_unsealed()
        yield from self._gaps.findings()

    def _key_chain(self) -> KeyChain:
        rows = list(SigningKey.objects.order_by("id"))
        if self._pinned:
            return KeyChain(rows, self._pinned, leaders=self._pinned)
        if settings.AUDIT_SIGNING_KEY is None:
            raise CannotVerify(
                "AUDIT_SIGNING_KEY is not set, and no public key was given: nobody knows whose log it is."
            )
        trusted = trusted_keys()
        return KeyChain(rows, trusted, leaders=trusted[:1])

    def _tree(self, keys: KeyChain, newest: Checkpoint | None) -> Iterator[Finding]:
        start, frontier = self._start(keys) if self._since else (None, Frontier())
        kept = []
        for note in self._kept_notes:
            try:
                kept.append(CheckpointText.verified(note, keys.accepted))
            except (NoteError, ValueError) as error:
                yield Finding(Kind.KEY, f"A checkpoint that was kept elsewhere is none of this log. {error}")
        kept = sorted((one for one in kept if one.size > self._since), key=lambda one: one.size)
        if newest:
            walk = TreeWalk(frontier, newest, self._gaps, self._progress)
            chain = CheckpointChain(keys, start)
            yield from walk.findings(chain, kept)
            yield from chain.unused_keys()
            self.count, self.until = walk.good.size - self._since, walk.until
            yield from _unmatched_codes(walk.unfit_codes)
        elif kept:
            yield Finding(Kind.TRUNCATED, f"{kept[-1].size} events were signed once, and now there is no checkpoint.")

    def _start(self, keys: KeyChain) -> tuple[Checkpoint, Frontier]:
        """The checkpoint of `since` events, and the tree that it signs."""
        checkpoint = Checkpoint.objects.filter(size=self._since).first()
        signed = _verified_text(checkpoint, keys.accepted) if checkpoint else None
        try:
            frontier = StoredTree().frontier(self._since)
        except LookupError:
            signed = None
        else:
            if checkpoint and signed and (signed.size, signed.root) == (self._since, frontier.root):
                return checkpoint, frontier
        raise CannotVerify(
            f"There is no checkpoint of {self._since} events that the stored tree fits. Verify from the beginning."
        )

    def _unsealed(self) -> Iterator[Finding]:
        """Unsealed events that this installation didn't write."""
        # Only a full verification looks at all of them.
        leaf = Leaf.objects.filter(position=self._since - 1).first() if self._since else None
        last = (leaf.event_id if leaf else MIN_ID) - 1
        # Another program may have written values that can't be read.
        try:
            while batch := list(rows_to_seal(last + 1)[:BATCH_SIZE]):
                last = batch[-1][0]
                self.unsealed += len(batch)
                for *columns, code, is_copy in batch:
                    row = SealedRow(*columns)
                    if is_copy or not is_authentic(row, bytes(code)):
                        what = "is a copy of another one" if is_copy else "was not written by this installation"
                        yield Finding(Kind.INSERTED, f"Event {row.id} {what}, and is not sealed.", (columns[0],))
        except UNREADABLE_ERRORS as error:
            yield Finding(Kind.INSERTED, f"An event after {last}, which is not sealed, can't even be read: {error}")


def _verified_text(checkpoint: Checkpoint, keys: Collection[VerifierKey]) -> CheckpointText | None:
    """A checkpoint's content, if one of these keys signed it."""
    try:
        return CheckpointText.verified(checkpoint.note, keys)
    except (NoteError, ValueError):
        return None


def _newest_checkpoint_signer(newest: Checkpoint, keys: KeyChain) -> Iterator[Finding]:
    # The newest checkpoint covers all others: the current key or a successor must have signed it.
    if _verified_text(newest, keys.current) is None:
        names = " or ".join(key.label for key in keys.current) or "the trusted key"
        sentence = f"The newest checkpoint, of {newest.size} events, is not signed with {names}."
        yield Finding(Kind.CHECKPOINT, sentence, start=newest.size, end=newest.size + 1)


def _uncovered_leaves(verified: int) -> Iterator[Finding]:
    # Leaves and nodes that no checkpoint covers. They are read before the checkpoint that may have come with them.
    farthest = Leaf.objects.aggregate(farthest=Max("position"))["farthest"]
    nodes = extra_nodes(verified)
    newest = latest_checkpoint()
    size = newest.size if newest else 0
    astray = Q(position__lt=0)
    if farthest is not None and farthest >= size:
        astray |= Q(position__gte=size)
    events = tuple(Leaf.objects.filter(astray).order_by("position").values_list("event_id", flat=True)[: MAX_NAMED + 1])
    if events:
        sentence = (
            f"No checkpoint covers the leaves of the events {list_some(events, MAX_NAMED)}: they were added, or a "
            "checkpoint removed."
        )
        yield Finding(Kind.INSERTED, sentence, events, size, (farthest or 0) + 1)
    yield from extra_node_findings(nodes, size)


def _unmatched_codes(unfit: IntervalSet) -> Iterator[Finding]:
    # A warning only: once an event is sealed its code isn't needed, and an old key's looks like a changed one.
    runs = list(unfit)
    if not runs:
        return
    named = Leaf.objects.filter(position__in=[start for start, _ in runs[:MAX_NAMED]]).order_by("position")
    places = list_some([describe_range(start, end) for start, end in runs[: MAX_NAMED + 1]], MAX_NAMED)
    sentence = (
        f"Of {unfit.count} sealed events the authentication code fits no present SECRET_KEY, at {places}. They were "
        "written under an older one, or just the code was changed; the events are as they were sealed."
    )
    yield Finding(Kind.CODE, sentence, tuple(named.values_list("event_id", flat=True)), runs[0][0], runs[-1][1])
