"""Which roles may be given by holders of which others, who need not hold what these give: `Role.may_grant`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from accounts.core.catalogue import SUPER_ADMIN
from accounts.models import Role, User

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RoleGranting:
    """By the slug of a role: the slugs of the roles that its holders may give, and all permissions of those."""

    roles: Mapping[str, frozenset[str]]
    permissions: Mapping[str, frozenset[str]]

    @classmethod
    def load(cls) -> Self:
        """All of it, in one query: few roles have any."""
        roles: dict[str, set[str]] = {}
        permissions: dict[str, set[str]] = {}
        rows = Role.may_grant.through.objects.values_list(
            "from_role__slug", "to_role__slug", "to_role__permissions__name"
        )
        for holder, given, permission in rows:
            roles.setdefault(holder, set()).add(given)
            permissions.setdefault(holder, set()).update([permission] if permission else [])
        # By the rules of `update_role` there is no other; here too, so that no way round them gives anything.
        return cls(
            {holder: frozenset(given - roles.keys() - {SUPER_ADMIN}) for holder, given in roles.items()},
            {holder: frozenset(names) for holder, names in permissions.items()},
        )

    @classmethod
    def of_reader(cls, reader: User) -> Self:
        """For pages: read once for each instance of the reader."""
        found: Self | None = vars(reader).get("_role_granting")
        if found is None:
            found = cls.load()
            vars(reader)["_role_granting"] = found
        return found

    def given_by(self, slugs: Iterable[str]) -> frozenset[str]:
        """The slugs of the roles that holders of these may give."""
        return NONE.union(*(self.roles.get(slug, NONE) for slug in slugs))

    def permissions_given_by(self, slugs: Iterable[str]) -> frozenset[str]:
        """What these roles lead to besides their own permissions."""
        return NONE.union(*(self.permissions.get(slug, NONE) for slug in slugs))
