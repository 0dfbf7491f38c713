"""The sets of an exclusion, from the names of roles and permissions."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.core.catalogue import in_catalogue_order
from accounts.models import Exclusion, Permission, Role
from reprotech.core.exceptions import ValidationFailed

EMPTY = "Name at least one role or permission."


@dataclass(frozen=True, slots=True)
class NamedSet:
    roles: list[Role]
    permissions: list[Permission]

    @property
    def names(self) -> list[str]:
        return [
            *(role.name for role in self.roles),
            *in_catalogue_order(permission.name for permission in self.permissions),
        ]


def find_sets(set_a: Collection[str], set_b: Collection[str]) -> tuple[NamedSet, NamedSet]:
    """The roles (by name or slug) and permissions of these names.

    Raises ValidationFailed for an unknown name, one that both a role and a permission have, an empty set, and what is
    in both.
    """
    roles = list(Role.objects.all())
    permissions = {permission.name: permission for permission in Permission.objects.all()}
    errors: dict[str, list[str]] = {}
    found: list[NamedSet] = []
    for field, names in (("set_a", set_a), ("set_b", set_b)):
        chosen_roles, chosen_permissions, sentences = _resolve(names, roles, permissions)
        found.append(NamedSet(chosen_roles, chosen_permissions))
        if sentences or not names:
            errors[field] = sentences or [EMPTY]
    first, second = found
    both = {*first.names} & {*second.names}
    if both:
        errors["set_b"] = [*errors.get("set_b", ()), f"In both sets: {', '.join(sorted(both))}. Leave it in one."]
    if errors:
        raise ValidationFailed(errors)
    return first, second


def _resolve(
    names: Collection[str], roles: Collection[Role], permissions: dict[str, Permission]
) -> tuple[list[Role], list[Permission], list[str]]:
    wanted, sentences = {*names}, []
    chosen: dict[int, Role] = {}
    for name in sorted(wanted):
        folded = name.casefold()
        # A name is unique whatever the case; a slug may be another role's name only if that is its own.
        named = [role for role in roles if role.name.casefold() == folded] or [
            role for role in roles if role.slug == folded
        ]
        if named and name in permissions:
            sentences.append(f"{name} is a permission, and a role is called so too. Rename the role first.")
        elif named:
            chosen[named[0].pk] = named[0]
        elif name not in permissions:
            sentences.append(f"There is no role or permission {name!r}.")
    return (
        [role for role in roles if role.pk in chosen],
        [permission for name, permission in permissions.items() if name in wanted],
        sentences,
    )


def store_set(exclusion: Exclusion, side: str, chosen: NamedSet) -> None:
    getattr(exclusion, f"roles_{side}").set(chosen.roles)
    getattr(exclusion, f"permissions_{side}").set(chosen.permissions)
