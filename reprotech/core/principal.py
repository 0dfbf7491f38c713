"""Who acts."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class ActingSession(Protocol):
    """The page or token session that a request came with."""

    @property
    def pk(self) -> UUID: ...

    @property
    def acts_by_cookie(self) -> bool:
        """Whether a browser sends it along by itself."""

    @property
    def is_fresh(self) -> bool:
        """Whether its user proved a short time ago who they are."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The user who makes a request, by a session or by an API key; without `user_id` nobody does.

    `api_key` is the key's public id. `scopes` are the permissions that a key is limited to, None without one.
    """

    user_id: int | None = None
    session: ActingSession | None = None
    api_key: str = ""
    scopes: frozenset[str] | None = None

    def within_scopes(self, permissions: frozenset[str]) -> frozenset[str]:
        """Those of the permissions that can be used in this request.

        It doesn't matter whose they are: in a key's request a service must not act as another user with more rights.
        """
        return permissions if self.scopes is None else permissions & self.scopes


ANONYMOUS = Principal()
