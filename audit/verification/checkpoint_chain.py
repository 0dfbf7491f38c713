"""Checks the chain of the log's checkpoints: each alone, and with the one before it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from audit.crypto.canonical_json import format_timestamp
from audit.crypto.signed_note import CheckpointText, NoteError, fingerprint, verify_note
from audit.models import Checkpoint
from audit.verification.findings import Finding, Kind
from audit.verification.key_chain import KeyChain, has_signatures

#: Between the clocks of the server that seals and the one that replaces the key.
MAX_CLOCK_SKEW = timedelta(minutes=10)


class CheckpointChain:
    """Takes the stored checkpoints in their order, and returns what is wrong with each."""

    def __init__(self, keys: KeyChain, after: Checkpoint | None = None) -> None:
        """`after` is the checkpoint before the first that is checked.

        All known keys count here, trusted or not, so that what an untrusted key signed can still be judged: the key
        itself is a finding of its own.
        """
        self._keys = keys
        self._signers: set[int] = set()
        self._is_whole = after is None
        self._before = after
        self._size = -1
        self._time: datetime | None = None
        self._key = 0
        if after:
            statement, _ = self.statement(after)
            if statement:
                self._size, self._time = statement.size, statement.time

    def statement(self, checkpoint: Checkpoint) -> tuple[CheckpointText | None, list[Finding]]:
        """A checkpoint's content, None unless a key of the log signed it; and what is wrong with it alone."""
        try:
            text, signed_by = verify_note(checkpoint.note, self._keys.keys)
            found = CheckpointText.parse(text)
        except (NoteError, ValueError) as error:
            return None, [_finding(checkpoint, f"is not genuine. {error}")]
        wrong = []
        # A signed note takes further signatures by anybody, and they don't invalidate it.
        if not has_signatures(checkpoint.note, signed_by[:1]):
            wrong.append(_finding(checkpoint, "has signatures that this log didn't give it."))
        if found.origin != self._keys.keys[0].name:
            wrong.append(_finding(checkpoint, f"is of another log, {found.origin}."))
        if (found.size, found.time) != (checkpoint.size, checkpoint.sealed_at):
            wrong.append(
                _finding(checkpoint, f"says another number or time: {found.size}, {format_timestamp(found.time)}.")
            )
        signer = self._keys.keys.index(signed_by[0])
        if signer < self._key or self._is_replaced(signer, found.time):
            wrong.append(_finding(checkpoint, "was signed with a key that a newer one had replaced."))
        self._key = max(self._key, signer)
        self._signers.add(signer)
        return found, wrong

    def _is_replaced(self, signer: int, time: datetime) -> bool:
        """Whether the next key signed before this time that it takes over."""
        later = self._keys.rows[signer + 1 : signer + 2]
        return any(time > row.created_at + MAX_CLOCK_SKEW for row in later)

    def unused_keys(self) -> Iterator[Finding]:
        """Keys that signed nothing and that only an older version's statement connects: anybody can add such a key."""
        for key in self._keys.unnamed if self._is_whole else ():
            if self._keys.keys.index(key) not in self._signers:
                yield Finding(Kind.KEY, f"{key.label} signed no checkpoint, and no trusted key names it.")

    def check(self, checkpoint: Checkpoint) -> tuple[CheckpointText | None, list[Finding]]:
        """The next checkpoint's content, None unless a key of the log signs a larger tree in it; and what is wrong."""
        found, wrong = self.statement(checkpoint)
        previous = found.previous if found else _claimed_previous(checkpoint)
        if previous is not None and previous != (fingerprint(self._before.text) if self._before else ""):
            where = f"after that of {self._before.size}" if self._before else "before it"
            wrong.append(_finding(checkpoint, f"doesn't follow the one before: one {where} is missing or replaced."))
        self._before = checkpoint
        if found and self._time and found.time < self._time:
            wrong.append(_finding(checkpoint, "is older than the one before it."))
        # Without new events there is no range of leaves to compare.
        if found is None or found.size <= self._size:
            return None, wrong
        self._size, self._time = found.size, found.time
        return found, wrong


def _claimed_previous(checkpoint: Checkpoint) -> str | None:
    try:
        return checkpoint.statement.previous
    except NoteError:
        return None


def _finding(checkpoint: Checkpoint, sentence: str) -> Finding:
    return Finding(
        Kind.CHECKPOINT,
        f"The checkpoint of {checkpoint.size} events {sentence}",
        start=checkpoint.size,
        end=checkpoint.size + 1,
    )
