"""The search for what one reads: the words of sentences, and the events whose sentences have them.

A test compares them with the sentences of `audit.presentation.event_text`.
"""

from typing import NamedTuple

from audit.models import Action
from reprotech.core.normalization import fold_text


class Meaning(NamedTuple):
    """The kind of events whose sentences have certain words; None stands for either outcome."""

    actions: tuple[Action, ...]
    success: bool | None = None


SENTENCE_WORDS = {
    "signed in with a recovery code": Meaning((Action.RECOVERY_CODE_USED,), success=True),
    "signed in": Meaning((Action.LOGIN,), success=True),
    "signing in as": Meaning((Action.LOGIN,), success=False),
    "signing in": Meaning((Action.LOGIN,), success=False),
    "signed out": Meaning((Action.LOGOUT,)),
    "renewed an access token": Meaning((Action.TOKEN_REFRESH,), success=True),
    "ended by itself": Meaning((Action.SESSION_END,)),
    "changed their password": Meaning((Action.PASSWORD_CHANGE,), success=True),
    "reset the password": Meaning((Action.PASSWORD_RESET,)),
    "was refused": Meaning((Action.ACCESS_DENIED,)),
    "refused": Meaning((Action.ACCESS_DENIED,)),
    "created": Meaning((Action.CREATE,), success=True),
    "deleted": Meaning((Action.DELETE,), success=True),
    "locked": Meaning((Action.LOCK,), success=True),
    "unlocked": Meaning((Action.UNLOCK,), success=True),
    "gave": Meaning((Action.ROLE_ASSIGN,), success=True),
    "took": Meaning((Action.ROLE_REVOKE,), success=True),
    "exported": Meaning((Action.EXPORT,), success=True),
    "archived": Meaning((Action.ARCHIVE,), success=True),
    "erased": Meaning((Action.ERASE,), success=True),
    "revoked": Meaning((Action.KEY_REVOKE,), success=True),
    "set up": Meaning((Action.FACTOR_ADD,), success=True),
    "made new recovery codes": Meaning((Action.RECOVERY_CODES_RENEWED,), success=True),
    "failed": Meaning((), success=False),
}
#: Of a sentence of which another part was found: no event has these as words of its own.
_FILLERS = frozenset({"the", "a", "an", "of", "as", "to", "from", "for"})
#: Longer ones first: they may contain shorter ones.
_BY_LENGTH = sorted(SENTENCE_WORDS, key=len, reverse=True)


class Search(NamedTuple):
    """A search, split into kinds of events and the words that remain."""

    meanings: list[Meaning]
    rest: str


def read_search(text: str) -> Search:
    """Find the words of sentences in a search; what stands in quotation marks is searched for as it is."""
    words = text.split()
    if '"' in text:
        return Search([], text)
    folded = [fold_text(word) for word in words]
    meanings = []
    for phrase in _BY_LENGTH:
        parts = phrase.split()
        for start in range(len(folded) - len(parts) + 1):
            if folded[start : start + len(parts)] == parts:
                meanings.append(SENTENCE_WORDS[phrase])
                del words[start : start + len(parts)], folded[start : start + len(parts)]
                break
    if not meanings:
        return Search([], text)
    return Search(meanings, " ".join(word for word in words if fold_text(word) not in _FILLERS))
