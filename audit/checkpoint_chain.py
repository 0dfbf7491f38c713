"""Checks the keys that sign the log and the chain of its checkpoints: each by itself, and with the one before it."""

from collections.abc import Collection, Iterator
from datetime import datetime

from audit.canonical import moment
from audit.findings import Finding, Kind
from audit.keys import statement_text
from audit.models import Checkpoint, SigningKey
from audit.notes import CheckpointText, NoteError, VerifierKey, fingerprint, signed_text


class Keys:
    """The log's keys, the oldest first, as far as their statements lead from one to the next."""

    def __init__(self, trusted: Collection[VerifierKey]) -> None:
        """`trusted` are those that the caller knows from elsewhere."""
        self.known: list[VerifierKey] = []
        #: Older keys that only their own word made known: fine if a sealed event tells that the one before was lost.
        self.by_their_own_word: list[tuple[VerifierKey, Finding]] = []
        self._trusted = trusted

    def check(self) -> Iterator[Finding]:
        """Read them, and tell what is wrong."""
        rows = list(SigningKey.objects.order_by("id"))
        for row in rows:
            before = self.known[-1:]
            self.known.append(row.verifier)
            yield from self._check_statement(row, before)
        # A key that the caller knows vouches for those before it, whose checkpoints its own ones continue.
        vouched = max((self.known.index(key) for key in self._trusted if key in self.known), default=-1)
        yield from (found for key, found in self.by_their_own_word if self.known.index(key) > vouched)
        self.by_their_own_word = [one for one in self.by_their_own_word if self.known.index(one[0]) <= vouched]
        for key in self._trusted:
            if rows and key not in self.known:
                names = ", ".join(known.label for known in self.known)
                yield Finding(Kind.KEY, f"The log is signed with {names}, and {key.label} is none of its keys.")

    def _check_statement(self, row: SigningKey, before: list[VerifierKey]) -> Iterator[Finding]:
        key = row.verifier
        try:
            text, signed_by = signed_text(row.statement, [key, *before])
        except (NoteError, ValueError) as error:
            yield Finding(Kind.KEY, f"The statement of key {row.pk}, {key.label}, is not genuine. {error}")
            return
        if before and before[0].name != key.name:
            yield Finding(Kind.KEY, f"Key {row.pk}, {key.label}, is for another log than the key before it.")
        if text != statement_text(key.name, key, moment(row.created_at)) or not _has_signatures(
            row.statement, signed_by
        ):
            yield Finding(Kind.KEY, f"The statement of key {row.pk}, {key.label}, says something else than its row.")
        if key not in signed_by:
            yield Finding(Kind.KEY, f"Key {row.pk}, {key.label}, did not sign its own statement.")
        if before and before[0] not in signed_by:
            sentence = f"Key {row.pk}, {key.label}, was not made known by the key before it."
            self.by_their_own_word.append((key, Finding(Kind.KEY, sentence)))


class CheckpointChain:
    """Takes the stored checkpoints in their order, and tells of each what is wrong with it."""

    def __init__(self, keys: Collection[VerifierKey], after: Checkpoint | None = None) -> None:
        """`after` is the checkpoint before the first that is checked."""
        self._keys = list(keys)
        self._before = after
        self._size = -1
        self._time: datetime | None = None
        self._key = 0
        if after:
            statement, _ = self.statement(after)
            if statement:
                self._size, self._time = statement.size, statement.time

    def statement(self, checkpoint: Checkpoint) -> tuple[CheckpointText | None, list[Finding]]:
        """What a checkpoint says, None unless a key of the log signed it; and what is wrong with it by itself."""
        try:
            text, signed_by = signed_text(checkpoint.note, self._keys)
            found = CheckpointText.parse(text)
        except (NoteError, ValueError) as error:
            return None, [_about(checkpoint, f"is not genuine. {error}")]
        wrong = []
        if not _has_signatures(checkpoint.note, signed_by[:1]):
            wrong.append(_about(checkpoint, "has signatures that this log didn't give it."))
        if found.origin != self._keys[0].name:
            wrong.append(_about(checkpoint, f"is of another log, {found.origin}."))
        if (found.size, found.time) != (checkpoint.size, checkpoint.sealed_at):
            wrong.append(_about(checkpoint, f"says another number or time: {found.size}, {moment(found.time)}."))
        signer = self._keys.index(signed_by[0])
        if signer < self._key:
            wrong.append(_about(checkpoint, "was signed with a key that a newer one had replaced."))
        self._key = max(self._key, signer)
        return found, wrong

    def check(self, checkpoint: Checkpoint) -> tuple[CheckpointText | None, list[Finding]]:
        """What the next checkpoint says, None unless it is good for its size; and what is wrong with it."""
        found, wrong = self.statement(checkpoint)
        previous = found.previous if found else _claimed_previous(checkpoint)
        if previous is not None and previous != (fingerprint(self._before.text) if self._before else ""):
            where = f"after that of {self._before.size}" if self._before else "before it"
            wrong.append(_about(checkpoint, f"doesn't follow the one before: one {where} is missing or replaced."))
        self._before = checkpoint
        if found and self._time and found.time < self._time:
            wrong.append(_about(checkpoint, "is older than the one before it."))
        if found is None or found.size <= self._size:
            return None, wrong
        self._size, self._time = found.size, found.time
        return found, wrong


def _claimed_previous(checkpoint: Checkpoint) -> str | None:
    try:
        return checkpoint.statement.previous
    except NoteError:
        return None


def _about(checkpoint: Checkpoint, sentence: str) -> Finding:
    return Finding(
        Kind.CHECKPOINT,
        f"The checkpoint of {checkpoint.size} events {sentence}",
        start=checkpoint.size,
        end=checkpoint.size + 1,
    )


def _has_signatures(note: str, signed_by: Collection[VerifierKey]) -> bool:
    """Whether the note bears these signatures, each once, and no other line: nothing can be added to it unseen."""
    return note.rpartition("\n\n")[2].count("\n") == len(signed_by)
