"""What the search finds, each part only for those who may open it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import Permission, Role, User
from accounts.permissions import (
    ROLE_CREATE,
    ROLE_READ,
    ROLE_UPDATE,
    SETTINGS_READ,
    SETTINGS_UPDATE,
    USER_CREATE,
    USER_READ,
    USER_UPDATE,
)
from accounts.users.allowed_actions import allowed_actions
from audit.models import AuditLog
from audit.permissions import AUDIT_READ
from audit.presentation.event_text import sentence
from reprotech.core.normalization import fold_text
from reprotech.documents.library import find as find_in_documents
from reprotech.navigation import ENTRIES
from reprotech.search.results import MAX_RESULTS, Group, Result, matching, matching_people
from reprotech.search.role_actions import role_actions
from reprotech.settings_page.catalogue import VARIABLES, Variable
from reprotech.web.access import SIGNED_IN
from sso.models import Application

#: The largest number of an event: that of PostgreSQL's bigint.
MAX_EVENT_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Destination:
    """A page, or something to do; `words` are found as well as its title."""

    title: str
    words: str
    url_name: str
    access: str = SIGNED_IN
    icon: str = ""
    query: str = ""
    #: A second permission that the page needs.
    also: str = SIGNED_IN

    @property
    def url(self) -> str:
        return reverse(self.url_name) + self.query


#: By the name of a page's URL.
PAGE_WORDS = {
    "settings": "configuration policy environment variables version build",
    "reviews": "access review recertification attestation audit who has access",
    "applications": "single sign-on sso oidc openid connect programs clients",
    "access": "as of who had access on a day past point in time report snapshot",
    "requests": "access role ask approve decide",
    "exclusions": "segregation separation of duties sod conflicts",
}
PAGES = (
    *(
        Destination(
            entry.label, PAGE_WORDS.get(entry.url_name, ""), entry.url_name, entry.access, entry.icon, also=entry.also
        )
        for entry in ENTRIES
    ),
    Destination("Profile", "account sessions my keys", "profile", icon="user-round"),
    Destination("My permissions", "profile access roles", "own_access", icon="shield"),
    Destination("My sessions", "profile devices sign out", "own_sessions", icon="monitor"),
    Destination("My API keys", "profile tokens", "own_keys", icon="key-round"),
    Destination("Two-factor authentication", "2fa passkey authenticator recovery codes", "security", icon="smartphone"),
    Destination("Sign in a device", "code instrument program", "device", icon="monitor-smartphone"),
    Destination("Time zone", "clock local utc times", "time_zone", icon="globe"),
    Destination("Help", "documentation docs documents guide manual", "documents", icon="circle-help"),
    Destination("API documentation", "docs openapi swagger help", "docs", icon="book-open"),
)
COMMANDS = (
    Destination("Invite a user", "new user create add person", "new_user", USER_CREATE, icon="user-plus"),
    Destination("Import users", "csv upload file", "import_users", USER_CREATE, icon="upload"),
    Destination("Update users from a list", "hr import file leavers", "update_from_list", USER_UPDATE, icon="upload"),
    Destination(
        "Expired invitations",
        "invited users resend",
        "users",
        USER_READ,
        icon="mail-x",
        query="?status=invitation_expired",
    ),
    Destination(
        "Users without a second factor",
        "two-factor none mfa",
        "users",
        USER_READ,
        icon="shield-alert",
        query="?factor=no",
    ),
    Destination("New role", "create add", "new_role", ROLE_CREATE, icon="shield-plus"),
    Destination("New exclusion", "create add segregation duties sod", "new_exclusion", ROLE_UPDATE, icon="plus"),
    Destination(
        "Who holds what is excluded",
        "violations segregation duties sod exceptions",
        "violations",
        ROLE_READ,
        icon="scale",
    ),
    Destination("Open an access review", "new recertification", "new_review", ROLE_UPDATE, icon="clipboard-list"),
    Destination("Add application", "new create program sso oidc", "new_application", SETTINGS_UPDATE, icon="plus"),
    Destination(
        "Failed sign-ins, last 24 hours",
        "log attempts wrong password today",
        "audit",
        AUDIT_READ,
        icon="circle-x",
        query="?action=login&outcome=failure&last=24h",
    ),
    Destination(
        "Who had access on a day",
        "as of past point in time history snapshot report",
        "access",
        AUDIT_READ,
        icon="calendar-search",
        also=USER_READ,
    ),
    Destination("Ask for a role", "request access permission more rights", "ask_for_role", icon="hand"),
    Destination("Change password", "my own", "change_password", icon="key-round"),
    Destination("New API key", "token script my own", "new_own_key", icon="key-round"),
    Destination("Sign out", "log out leave", "logout", icon="log-out"),
)
#: Words that a search for an action on a person starts with: what it is called, its URL's name, and the name by which
#: `allowed_actions` knows it.
PERSON_ACTIONS = {
    "edit": ("Edit", "edit_user", "edit"),
    "lock": ("Lock", "lock_user", "lock"),
    "unlock": ("Unlock", "unlock_user", "unlock"),
    "reset": ("Reset password of", "reset_user_password", "reset_password"),
    "resend": ("Resend invitation of", "resend_invitation", "resend_invitation"),
    "withdraw": ("Withdraw invitation of", "withdraw_invitation", "withdraw_invitation"),
    "deactivate": ("Deactivate", "deactivate_user", "deactivate"),
    "activate": ("Activate", "activate_user", "activate"),
    "delete": ("Delete", "delete_user", "delete"),
}


def search(reader: User, text: str) -> list[Group]:
    """What matches `text`, by kind; what may be done and opened at all for an empty one."""
    folded = " ".join(fold_text(text).split())
    found = [Group(kind, label, source(reader, folded)) for kind, label, source in SOURCES]
    return [group for group in found if group.results]


def _people(reader: User, folded: str) -> list[Result]:
    return [
        Result(
            person.full_name, f"@{person.username} · {person.email}", reverse("user", args=[person.pk]), person=person
        )
        for person in matching_people(reader, folded, with_roles=False)
    ]


def _roles(reader: User, folded: str) -> list[Result]:
    if not folded or not reader.has_perm(ROLE_READ):
        return []
    return [
        Result(role.name, role.description, reverse("role", args=[role.pk]), icon="shield")
        for role in matching(Role.objects.all(), folded, lambda role: f"{role.name} {role.slug} {role.description}")
    ]


def _permissions(reader: User, folded: str) -> list[Result]:
    if not folded or not reader.has_perm(ROLE_READ):
        return []
    words = folded.replace(" ", "_")
    return [
        Result(permission.name, permission.description, reverse("permission", args=[permission.name]), icon="key-round")
        for permission in Permission.objects.all()
        if words in permission.name or folded in fold_text(permission.description)
    ][:MAX_RESULTS]


def _applications(reader: User, folded: str) -> list[Result]:
    if not folded or not reader.has_perm(SETTINGS_READ):
        return []
    found = Application.objects.visible_to(reader).search(folded).by_name()[:MAX_RESULTS]
    return [
        Result(one.name, one.description, reverse("application", args=[one.pk]), icon="app-window") for one in found
    ]


def _events(reader: User, folded: str) -> list[Result]:
    if not folded or not reader.has_perm(AUDIT_READ):
        return []
    found = []
    number = folded.removeprefix("#")
    if number.isascii() and number.isdecimal() and int(number) <= MAX_EVENT_NUMBER:
        event = AuditLog.objects.filter(pk=int(number)).first()
        if event is not None:
            found.append(
                Result(
                    f"Event {event.pk}", sentence(event), reverse("audit_event", args=[event.pk]), icon="scroll-text"
                )
            )
    address = f"{reverse('audit')}?{urlencode({'search': folded[:200]})}"
    return [*found, Result(f"Search the audit log for “{folded}”", "", address, icon="search")]


def _settings(reader: User, folded: str) -> list[Result]:
    if not folded or not reader.has_perm(SETTINGS_READ):
        return []
    page = reverse("settings")
    return [
        Result(variable.label, variable.name, f"{page}#{variable.name}", icon="settings")
        for variable in matching(VARIABLES, folded.replace("_", " "), _words_of_variable)
    ]


def _words_of_variable(variable: Variable) -> str:
    return f"{variable.label} {variable.name.replace('_', ' ')}"


def _documents(_reader: User, folded: str) -> list[Result]:
    return [
        Result(found.part.heading, found.document.title if found.part.level > 1 else "", found.url, icon="book-open")
        for found in islice(find_in_documents(folded), MAX_RESULTS)
    ]


def _commands(reader: User, folded: str) -> list[Result]:
    verb, _, name = folded.partition(" ")
    found = [] if not name or verb not in PERSON_ACTIONS else list(_on_people(reader, verb, name))
    return [*found, *role_actions(reader, verb, name), *_destinations(COMMANDS, reader, folded)]


def _on_people(reader: User, verb: str, name: str) -> Iterable[Result]:
    label, url_name, action = PERSON_ACTIONS[verb]
    for person in matching_people(
        reader, name.removeprefix("password ").removeprefix("invitation ").removeprefix("of ")
    ):
        if action in allowed_actions(reader, person):
            address = reverse(url_name, args=[person.pk])
            yield Result(f"{label} {person.full_name}", f"@{person.username}", address, person=person)


def _pages(reader: User, folded: str) -> list[Result]:
    return _destinations(PAGES, reader, folded)


def _destinations(destinations: Iterable[Destination], reader: User, folded: str) -> list[Result]:
    allowed = [one for one in destinations if reader.has_perms({one.access, one.also} - {SIGNED_IN})]
    return [
        Result(one.title, "", one.url, one.icon)
        for one in matching(allowed, folded, lambda one: f"{one.title} {one.words}")
    ]


SOURCES: tuple[tuple[str, str, Callable[[User, str], list[Result]]], ...] = (
    ("people", "People", _people),
    ("roles", "Roles", _roles),
    ("permissions", "Permissions", _permissions),
    ("applications", "Applications", _applications),
    ("pages", "Pages", _pages),
    ("settings", "Settings", _settings),
    ("actions", "Actions", _commands),
    ("documents", "Help", _documents),
    ("events", "Audit log", _events),
)
