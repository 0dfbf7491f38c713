"""What may be done with a role from the search, such as "assign researcher to hugo.li" and "invite a researcher"."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.urls import reverse

from accounts.access.reader_rights import missing_to_assign
from accounts.models import Role, User
from accounts.permissions import ROLE_READ, USER_CREATE, USER_READ, USER_UPDATE
from accounts.users.allowed_actions import allowed_actions
from reprotech.core.normalization import fold_text
from reprotech.search.results import Result, matching, matching_people

#: With a role and a person, as in "assign researcher to hugo.li".
ASSIGN_VERBS = ("assign", "give")
#: With a role, as in "invite a researcher".
INVITE_VERBS = ("invite",)
#: With a role, as in "add users to researcher".
ADD_VERBS = ("add",)
#: Words around a role's name that aren't part of it.
FILLERS = ("a user as ", "user as ", "users to ", "as ", "to ", "an ", "a ")


def role_actions(reader: User, verb: str, words: str) -> list[Result]:
    """For the first word that was typed and those that follow."""
    sources = {
        **dict.fromkeys(ASSIGN_VERBS, _assignments),
        **dict.fromkeys(INVITE_VERBS, _invitations),
        **dict.fromkeys(ADD_VERBS, _additions),
    }
    source = sources.get(verb)
    return list(source(reader, words)) if source and words else []


def _assignments(reader: User, words: str) -> Iterable[Result]:
    """For "researcher to hugo.li": the person's page with the role ticked, and what that gives."""
    for role in Role.objects.with_permissions():
        names = [fold_text(name) for name in (role.name, role.slug) if words.startswith(f"{fold_text(name)} ")]
        if not names or missing_to_assign(reader, role):
            continue
        name = words.removeprefix(max(names, key=len)).strip().removeprefix("to ")
        for person in matching_people(reader, name):
            if (
                "roles" in allowed_actions(reader, person)
                and role not in person.roles.all()
                and not missing_to_assign(reader, role, person)
            ):
                address = f"{reverse('change_user_roles', args=[person.pk])}?{urlencode({'assign': role.slug})}"
                yield Result(f"Assign {role.name} to {person.full_name}", f"@{person.username}", address, person=person)


def _invitations(reader: User, words: str) -> Iterable[Result]:
    """The form of a new user with the role ticked."""
    if reader.has_perm(USER_CREATE):
        for role in _grantable(reader, words):
            address = f"{reverse('new_user')}?{urlencode({'role': role.slug})}"
            yield Result(f"Invite a user as {role.name}", role.description, address, icon="user-plus")


def _additions(reader: User, words: str) -> Iterable[Result]:
    if reader.has_perms([ROLE_READ, USER_READ, USER_UPDATE]):
        for role in _grantable(reader, words):
            address = reverse("add_role_users", args=[role.pk])
            yield Result(f"Add users to {role.name}", role.description, address, icon="user-plus")


def _grantable(reader: User, words: str) -> list[Role]:
    """Roles of this name that the reader may assign."""
    name = words
    for filler in FILLERS:
        name = name.removeprefix(filler)
    roles = [role for role in Role.objects.with_permissions() if not missing_to_assign(reader, role)]
    return matching(roles, name, lambda role: f"{role.name} {role.slug}")
