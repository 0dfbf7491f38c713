"""Roles given to a person and taken from them on their page, with what that changes before it is saved."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from django.http import QueryDict

from accounts.common.forms import RecordForm
from accounts.models import Permission, Role, User
from accounts.roles.permission_tables import in_order
from accounts.users.forms import RolesForm


class UserRolesForm(RolesForm, RecordForm):
    def __init__(self, *args: object, actor: User, record: User, **kwargs: object) -> None:
        super().__init__(*args, actor=actor, record=record, **kwargs)
        self.person = record
        if self.is_bound:
            # The browser sends no box that can't be changed.
            fixed = [choice.role.slug for choice in self.role_choices if choice.missing]
            held = [slug for slug in record.grants.role_slugs if slug in fixed]
            self.data = cast("QueryDict", self.data).copy()
            name = self.add_prefix("roles")
            self.data.setlist(name, [*dict.fromkeys((*self.data.getlist(name), *held))])

    @staticmethod
    def values_of(record: User) -> dict[str, object]:
        return {"roles": [role.slug for role in record.roles.all()]}

    def change_for(self, user: User) -> "RoleChange":
        """What saving the ticked roles would change."""
        ticked = [choice.role for choice in self.role_choices if choice.is_chosen]
        return RoleChange.between(list(user.roles.all()), ticked)


@dataclass(frozen=True, slots=True)
class RoleChange:
    assigned: list[Role]
    removed: list[Role]
    gained: list[Permission]
    lost: list[Permission]

    @classmethod
    def between(cls, before: Collection[Role], after: Collection[Role]) -> "RoleChange":
        """Both with their permissions prefetched."""
        old, new = _permissions_of(before), _permissions_of(after)
        return cls(
            assigned=[role for role in after if role not in before],
            removed=[role for role in before if role not in after],
            gained=in_order(new - old),
            lost=in_order(old - new),
        )

    def __bool__(self) -> bool:
        return bool(self.assigned or self.removed)


def _permissions_of(roles: Collection[Role]) -> set[Permission]:
    return {permission for role in roles for permission in role.permissions.all()}
