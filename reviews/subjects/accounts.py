"""Accounts, and the roles that people hold, as lines of a review."""

from collections.abc import Collection, Iterable
from datetime import datetime

from accounts.models import Role, RoleGrant, User
from reviews.models import ItemKind, ReviewItem
from reviews.subjects.lines import MAX_LINES, Facts, Line
from reviews.subjects.provenance import Origin, origins_of_accounts, origins_of_grants

#: What tells whether something changed: the rest, such as the last sign-in, changes by itself.
ACCOUNT_FIELDS = ("status", "roles", "second_factor", "starts_at", "ends_at")
GRANT_FIELDS = ("role", "role_permissions", "status", "starts_at", "ends_at")


def account_lines() -> list[Line]:
    people = list(User.objects.existing().with_roles().order_by("id")[: MAX_LINES + 1])
    origins = origins_of_accounts([person.pk for person in people])
    return [
        Line(
            ItemKind.ACCOUNT,
            _account_facts(person) | _seen(person) | _given(origins.get(person.pk)),
            user_id=person.pk,
            order=(person.username.lower(),),
        )
        for person in people
    ]


def grant_lines(roles: Iterable[Role]) -> list[Line]:
    """A line for each of these roles of each person."""
    wanted = {role.pk for role in roles}
    holders = RoleGrant.objects.current().filter(role__in=wanted).order_by().values("user")
    people = list(User.objects.existing().filter(pk__in=holders).with_roles().order_by("id")[: MAX_LINES + 1])
    origins = origins_of_grants([person.pk for person in people])
    return [
        Line(
            ItemKind.GRANT,
            _grant_facts(person, role) | _seen(person) | _given_by(person, role, origins.get((person.pk, role.name))),
            user_id=person.pk,
            role_id=role.pk,
            order=(1, person.username.lower(), role.position, role.name),
        )
        for person in people
        for role in person.roles.all()
        if role.pk in wanted
    ]


def present_accounts(items: Collection[ReviewItem]) -> dict[int, Facts | None]:
    """Facts of this moment by the item's id; None where the account is gone."""
    people = _people(items)
    return {
        item.pk: _account_facts(people[item.user_id]) if item.user_id in people else None
        for item in items
        if item.kind == ItemKind.ACCOUNT
    }


def present_grants(items: Collection[ReviewItem]) -> dict[int, Facts | None]:
    """The same of grants; None where the person no longer holds the role."""
    people, found = _people(items), dict[int, Facts | None]()
    for item in items:
        if item.kind == ItemKind.GRANT:
            person = people.get(item.user_id or 0)
            roles = person.roles.all() if person else ()
            role = next((role for role in roles if role.pk == item.role_id), None)
            found[item.pk] = _grant_facts(person, role) if person and role else None
    return found


def _people(items: Iterable[ReviewItem]) -> dict[int | None, User]:
    wanted = {item.user_id for item in items if item.kind in {ItemKind.ACCOUNT, ItemKind.GRANT} and item.user_id}
    if not wanted:
        return {}
    return {person.pk: person for person in User.objects.existing().filter(pk__in=wanted).with_roles()}


def _account_facts(person: User) -> Facts:
    return {
        "status": person.status,
        "roles": sorted(role.name for role in person.roles.all()),
        "permissions": len(person.grants.permissions),
        "second_factor": bool(person.factor_kinds),
        "is_service": person.is_service,
        "starts_at": _text(person.starts_at),
        "ends_at": _text(person.ends_at),
    }


def _grant_facts(person: User, role: Role) -> Facts:
    grant = _grant_of(person, role)
    return {
        "role": role.name,
        "role_permissions": sorted(permission.name for permission in role.permissions.all()),
        "status": person.status,
        "is_service": person.is_service,
        "starts_at": _text(grant.starts_at if grant else None),
        "ends_at": _text(grant.ends_at if grant else None),
    }


def _grant_of(person: User, role: Role) -> RoleGrant | None:
    """The row that gives the role now, which has its period, and who gave it."""
    grants = [grant for grant in vars(person).get("loaded_grants", []) if grant.holds_now]
    return next((grant for grant in grants if grant.role_id == role.pk), None)


def _given_by(person: User, role: Role, logged: Origin | None) -> Facts:
    """As the grant says; as the log says for those of before grants said it."""
    grant = _grant_of(person, role)
    if grant is None or grant.granted_at is None:
        return _given(logged)
    return Origin(grant.granted_by_id, grant.granted_at, grant.reason).as_facts()


def _seen(person: User) -> Facts:
    return {"last_sign_in": _text(person.last_login), "created_at": _text(person.created_at)}


def _given(origin: Origin | None) -> Facts:
    return origin.as_facts() if origin else {}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
