"""The principal: the user on whose behalf a request is made."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class ActingSession(Protocol):
    """The page or token session of a request."""

    @property
    def pk(self) -> UUID: ...

    @property
    def acts_by_cookie(self) -> bool:
        """Whether it is a page session, whose cookie a browser sends by itself."""

    @property
    def is_fresh(self) -> bool:
        """Whether its user authenticated recently."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The user of a request, by a session or an API key (its public id); without `user_id` it is anonymous.

    `scopes` are the permissions that a key is limited to, None without a key.
    """

    user_id: int | None = None
    session: ActingSession | None = None
    api_key: str = ""
    scopes: frozenset[str] | None = None


ANONYMOUS = Principal()
