"""Which of the log's keys to trust: those that the caller knows, and those that statements connect with them.

A key's position in the database proves nothing, since the owner of the database can add rows anywhere. Nor does a
further signature, which anybody can add to a statement. So trust leads

- forward, to a key whose statement the trusted one signed;
- backward, to a key that the trusted one's own statement names, if that key signed it as well.

Statements of older versions name only the new key. From there too trust leads backward, since a checkpoint of the
trusted key names the one before it, but with a warning: only someone who kept the older key can confirm it.
"""

from collections.abc import Collection, Iterator, Sequence
from enum import Enum, auto

from audit.crypto.canonical_json import format_timestamp
from audit.crypto.signed_note import NoteError, VerifierKey, verify_note
from audit.models import SigningKey
from audit.sealing.signing_keys import ORIGIN_FIRST, origin_after, origin_instead_of, statement_text
from audit.verification.findings import Finding, Kind


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
