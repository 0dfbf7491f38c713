"""The words of the page about what a list changes."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from accounts.core.period_notices import described_end, described_start
from accounts.models import User
from accounts.onboarding.headings import COLUMN_LABELS
from accounts.onboarding.reconciliation import AccountChange
from accounts.onboarding.services import RIGHTS

EMPTY = "none"


class ChangeLine(NamedTuple):
    label: str
    old: str
    new: str


def change_lines(change: AccountChange) -> list[ChangeLine]:
    return list(_lines(change))


def _lines(change: AccountChange) -> Iterator[ChangeLine]:
    for name, (old, new) in change.fields.items():
        yield ChangeLine(COLUMN_LABELS[name], _words(name, old), _words(name, new))


def _words(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return described_start(value) if name == "starts_at" else described_end(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value or EMPTY)


def missing_right(user: User) -> str:
    """The first permission that the page needs and they lack; "" if they have all."""
    return next((name for name in RIGHTS if not user.has_perm(name)), "")
