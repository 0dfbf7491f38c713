"""What roles have to do with applications. Accounts don't know these: single sign-on puts its functions here."""

from collections.abc import Mapping
from dataclasses import dataclass

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

    @staticmethod
    def names() -> Mapping[str, str]:
        """The name of each application by its short name."""
        return {}

    @staticmethod
    def opened_by(role: Role) -> list[OpenedApplication]:  # noqa: ARG004
        """The applications that a role opens, by name."""
        return []

    @staticmethod
    def replace_role(actor: Actor, role: Role, other: Role | None) -> None:
        """Open the applications of a role that is deleted to `other` instead; raises Conflict if there is no other."""
