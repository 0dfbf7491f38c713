"""Actors of services and of the audit log."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NamedActor:
    """An actor who is a name alone: one typed at a refused login, a database role, an account that is gone."""

    username: str
    pk: int | None = None


class Actor(Protocol):
    """A user, the system, or a name; `pk` is None unless it is a user."""

    @property
    def pk(self) -> int | None: ...

    @property
    def username(self) -> str: ...


@dataclass(frozen=True, slots=True)
class System:
    """The installation itself, for instance while a command runs."""

    pk: None = None
    username: str = "system"


class SignedInUser(Actor, Protocol):
    """A signed-in user, as far as packages below `accounts` know one."""

    @property
    def pk(self) -> int: ...

    def has_perm(self, perm: str) -> bool:
        """Whether their roles, within the limits of the request, have this permission."""
