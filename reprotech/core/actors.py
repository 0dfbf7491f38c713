"""Who acts, as services and the audit log know them."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class UnauthenticatedActor:
    """The name that someone typed to sign in, known or not, as the actor of a refused login."""

    username: str
    pk: int | None = None


class Actor(Protocol):
    """Whoever acts: a user, the system, or the name typed at a refused login."""

    @property
    def pk(self) -> Any:
        """The user's id, None when it isn't a user."""

    @property
    def username(self) -> str:
        """The name as it stands in the log."""


@dataclass(frozen=True, slots=True)
class System:
    """The installation itself, as when a command runs."""

    pk: None = None
    username: str = "system"


class SignedInUser(Actor, Protocol):
    """A user who signed in, as far as packages below `accounts` know one."""

    def has_perm(self, perm: str) -> bool:
        """Whether their roles, within the limits of the request, hold the permission of this name."""
