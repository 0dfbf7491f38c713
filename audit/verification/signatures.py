"""Checks the signatures: which of the log's keys to trust, and the chain of its checkpoints.

A key's position in the database proves nothing, since the owner of the database can add rows anywhere. Nor does a
further signature, which anybody can add to a statement. So trust leads, from the keys that the caller knows,

- forward, to a key whose statement the trusted one signed;
- backward, to a key that the trusted one's own statement names, if that key signed it as well.

Statements of older versions name only the new key. From there too trust leads backward, since a checkpoint of the
trusted key names the one before it, but with a warning: only someone who kept the older key can confirm it.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from audit.crypto.sealed_row import format_timestamp
from audit.crypto.signed_note import CheckpointText, NoteError, VerifierKey, fingerprint, verify_note
from audit.models import Checkpoint, SigningKey
from audit.sealing.signing_keys import ORIGIN_FIRST, origin_after, origin_instead_of, statement_text
from audit.verification.findings import Finding, Kind

#: Between the clocks of the server that seals and the one that replaces the key.
MAX_CLOCK_SKEW = timedelta(minutes=10)


class Link(Enum):
    #: No statement that both keys signed.
    NONE = auto()
    #: The one before signed it, but the text doesn't name it.
    UNNAMED = auto()
    #: The text names the one before, which signed it.
    NAMED = auto()


class KeyChain:
    """The log's keys, the oldest first, and which of them are trusted."""

    def __init__(
        self, rows: Sequence[SigningKey], trusted: Collection[VerifierKey], leaders: Collection[VerifierKey] = ()
    ) -> None:
        """`trusted`: keys that the caller knows; `leaders`: those of them that may be the current key."""
        self.rows = rows
        self.keys = [row.verifier for row in rows]
        self._trusted = list(dict.fromkeys(trusted))
        self._problems: list[str] = []
        self.links = [self._read(index) for index in range(len(rows))]
        known = {index for index, key in enumerate(self.keys) if key in self._trusted}
        ahead = self._with_successors(known)
        reached = self._with_predecessors(ahead)
        self.accepted = [key for index, key in enumerate(self.keys) if index in reached]
        #: Keys that their successor's statement connects without naming them.
        self.unnamed = [self.keys[index] for index in sorted(reached - ahead) if self.links[index + 1] is Link.UNNAMED]
        leading = [index for index in known if self.keys[index] in leaders]
        #: Keys that may have signed the newest checkpoint: the current one and its successors.
        self.current = [self.keys[index] for index in sorted(self._with_successors({max(leading)}))] if leading else []

    def findings(self) -> Iterator[Finding]:
        yield from (Finding(Kind.KEY, sentence) for sentence in self._problems)
        names = ", ".join(key.label for key in self.keys)
        for key in self._trusted:
            if self.rows and key not in self.keys:
                yield Finding(Kind.KEY, f"The log is signed with {names}, and {key.label} is none of its keys.")
        for key in self.keys if self.accepted else ():
            if key not in self.accepted:
                yield Finding(Kind.KEY, _unconnected(key))
        for key in self.unnamed:
            yield Finding(Kind.OLD_STATEMENT, _unnamed(key))

    def _read(self, index: int) -> Link:
        """How this key's statement links it to the key before; errors go to the problems."""
        row, key = self.rows[index], self.keys[index]
        before = self.keys[index - 1] if index else None
        what = f"ey {row.pk}, {key.label},"
        try:
            text, signed_by = verify_note(row.statement, [key, *([before] if before else [])])
        except (NoteError, ValueError) as error:
            self._problems.append(f"The statement of k{what} is not genuine. {error}")
            return Link.NONE
        if key in self.keys[:index]:
            self._problems.append(f"K{what} is there twice.")
        if before and before.name != key.name:
            self._problems.append(f"K{what} is for another log than the key before it.")
        if before and row.created_at < self.rows[index - 1].created_at:
            self._problems.append(f"K{what} is older than the key before it.")
        origins = {
            "": Link.UNNAMED,
            **({origin_after(before): Link.NAMED, origin_instead_of(before): Link.NONE} if before else {}),
        }
        links = {
            statement_text(key, format_timestamp(row.created_at), origin): link for origin, link in origins.items()
        }
        links.setdefault(statement_text(key, format_timestamp(row.created_at), ORIGIN_FIRST), Link.NONE)
        if text not in links or not has_signatures(row.statement, signed_by):
            self._problems.append(f"The statement of k{what} says something else than its row and the key before it.")
            return Link.NONE
        if key not in signed_by:
            self._problems.append(f"K{what} did not sign its own statement.")
            return Link.NONE
        return links[text] if before in signed_by else Link.NONE

    def _with_successors(self, start: Collection[int]) -> set[int]:
        """These keys and their successors."""
        found = set(start)
        for index in range(1, len(self.keys)):
            if index - 1 in found and self.links[index] is not Link.NONE:
                found.add(index)
        return found

    def _with_predecessors(self, start: Collection[int]) -> set[int]:
        """These keys and their predecessors."""
        found = set(start)
        for index in range(len(self.keys) - 1, 0, -1):
            if index in found and self.links[index] is not Link.NONE:
                found.add(index - 1)
        return found


def has_signatures(note: str, signed_by: Collection[VerifierKey]) -> bool:
    """Whether the note bears these signatures once each and no other line: nothing can be added unnoticed."""
    return note.rpartition("\n\n")[2].count("\n") == len(signed_by)


def _unconnected(key: VerifierKey) -> str:
    return (
        f"No trusted key vouches for {key.label}: a stranger added it, or a key was lost. If you know from elsewhere "
        f"that it is a key of this log, trust it too, in AUDIT_TRUSTED_KEYS or by --key: {key}"
    )


def _unnamed(key: VerifierKey) -> str:
    return (
        f"The key after {key.label} doesn't name it, since an older version made its statement. If you know from "
        f"elsewhere that it is a key of this log, trust it too, in AUDIT_TRUSTED_KEYS or by --key: {key}"
    )


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
        claimed = found or claimed_statement(checkpoint)
        if claimed and claimed.previous != (fingerprint(self._before.text) if self._before else ""):
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


def claimed_statement(checkpoint: Checkpoint) -> CheckpointText | None:
    """What a checkpoint says, with any signature; None if it can't be read."""
    try:
        return checkpoint.statement
    except NoteError:
        return None


def _finding(checkpoint: Checkpoint, sentence: str) -> Finding:
    return Finding(
        Kind.CHECKPOINT,
        f"The checkpoint of {checkpoint.size} events {sentence}",
        start=checkpoint.size,
        end=checkpoint.size + 1,
    )
