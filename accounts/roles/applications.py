"""What roles have to do with applications. Accounts don't know these: single sign-on registers them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from accounts.models import Role
from reprotech.core.actors import Actor


@dataclass(frozen=True, slots=True)
class OpenedApplication:
    """An application that a role opens."""

    name: str
    #: Of its page; "" if there is none.
    url: str


class Applications:
    """Without single sign-on there are none."""

    def names(self) -> Mapping[str, str]:
        """The name of each application by its short name."""
        return {}

    def opened_by(self, role: Role) -> list[OpenedApplication]:  # noqa: ARG002
        """The applications that a role opens, by name."""
        return []

    def replace_role(self, actor: Actor, role: Role, other: Role | None) -> None:
        """Open the applications of a role that is deleted to `other` instead; raises Conflict if there is no other."""


class Registered:
    """Set once, while the project loads."""

    applications: ClassVar[Applications] = Applications()
