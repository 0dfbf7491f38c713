"""Why a change is made, in the words of the one who makes it.

It is read with the request or the command (`read_reason`), and recorded with each event of it (`audit.services`).
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from reprotech.core.exceptions import ValidationFailed
from reprotech.core.normalization import is_deceptive, normalize_text

MAX_REASON_LENGTH = 500
#: The member of a request's body, and the field of a form.
FIELD = "reason"
#: `X-Reason` as WSGI names it.
HEADER = "HTTP_X_REASON"

MISSING = "Say why: this change needs a reason."
TOO_LONG = f"Say it in at most {MAX_REASON_LENGTH} characters."
INVISIBLE = "Write the reason on one line, without invisible characters."
NO_TEXT = "Give the reason as a text."
NOT_ENCODED = "Send the header X-Reason as percent-encoded UTF-8, such as Two%20weeks."
TWO_REASONS = "The header X-Reason and the reason in the body differ. Send one of them."

PERCENT_ENCODED = re.compile(r"(?:[\x20-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChangeReason:
    """`text` is "" where none was given; with a `problem` nothing may be changed."""

    text: str = ""
    problem: str = ""
    #: Whether there is someone to ask: not in the server's own threads, nor for callers who aren't signed in.
    is_asked: bool = False
    #: Whether the form that was sent has the field, at which it shows what is wrong.
    has_field: bool = True
    #: The field's id on the page.
    field_id: str = ""
    #: Whether a change was refused for want of it.
    is_refused: bool = False

    def refusal(self) -> "Exception":
        if not self.has_field:
            return ReasonQuestion(self.problem or MISSING)
        return ReasonRefused(self.problem) if self.problem else ReasonRequired()


NOT_ASKED = ChangeReason()


class ReasonRefused(ValidationFailed):
    """The reason itself isn't valid."""

    def __init__(self, sentence: str) -> None:
        super().__init__({FIELD: [sentence]})


class ReasonRequired(ReasonRefused):
    """The change needs a reason (REASON_REQUIRED_FOR), and none was given."""

    code = "reason_required"

    def __init__(self) -> None:
        super().__init__(MISSING)
        self.message = MISSING


class ReasonQuestion(Exception):
    """The same on a page whose form has no field for it: it is asked for, and what was sent is sent again.

    So it is no DomainError: no view shows it at its form, and no list of outcomes counts it.
    """


def read_reason(given: object, header: str | None, **asked: Any) -> ChangeReason:
    """The reason from the body or form, and from the header; blanks are none."""
    texts = []
    try:
        texts = [text for text in (_checked(given), _checked(_decoded(header))) if text]
        if len({*texts}) > 1:
            raise ValueError(TWO_REASONS)
    except ValueError as error:
        return ChangeReason(problem=str(error), is_asked=True, **asked)
    return ChangeReason(texts[0] if texts else "", is_asked=True, **asked)


def _decoded(header: str | None) -> str:
    if not header:
        return ""
    if not PERCENT_ENCODED.fullmatch(header):
        raise ValueError(NOT_ENCODED)
    try:
        return unquote(header, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(NOT_ENCODED) from None


def _checked(given: object) -> str:
    if given is None:
        return ""
    if not isinstance(given, str):
        raise ValueError(NO_TEXT)
    text = normalize_text(given).strip()
    if len(text) > MAX_REASON_LENGTH:
        raise ValueError(TOO_LONG)
    if is_deceptive(text):
        raise ValueError(INVISIBLE)
    return text
