"""`manage.py users VERB`: user management for an administrator who can't sign in."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.management.base import CommandError
from django.http import QueryDict

from accounts.access.authorization import SYSTEM
from accounts.management import key_verbs
from accounts.mfa import services as mfa_services
from accounts.models import Role, User
from accounts.onboarding.command_line import add_import_arguments, run_import
from accounts.passwords import services as password_services
from accounts.sessions import services as session_services
from accounts.user_list.filters import UserQuery
from accounts.users import bulk
from accounts.users import services as user_services
from accounts.users.csv.export import EXPORT_COLUMNS, start_export, user_cells
from accounts.users.default_data import random_password
from audit.recorded_command import RecordedCommand
from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.core.secure_files import create_private_file
from reprotech.web.streaming import csv_lines

#: As argparse gives them.
Options = dict[str, Any]

FILTERS = {
    "search": "in username, address and name",
    "role": "a role",
    "status": ", ".join(User.STATUS_FILTERS),
    "kind": "person, service",
    "factor": "yes, no",
}
#: Verbs that take a user and nothing else.
PLAIN_VERBS = {
    "lock": "keep a user out, and end their sessions",
    "unlock": "let a user in again, also after too many wrong guesses",
    "activate": "activate an account that was deactivated",
    "deactivate": "deactivate an account, and end its sessions",
    "reset-factors": "remove the second factors of a user who lost theirs, and end their sessions",
    "end-sessions": "end all sessions of a user",
}


class Command(RecordedCommand):
    """Each verb calls one service as the system, which may do anything but remove the last Super Administrator."""

    help = "List, create, import, lock, reset and export users, and give them roles; each change is in the audit log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        listing = verbs.add_parser("list", help="list users")
        export = verbs.add_parser("export", help="write users to a CSV file, which is put on record")
        export.add_argument("--to", required=True, metavar="FILE", help="a new file; - for standard output")
        export.add_argument("--bom", action="store_true", help="begin with a byte order mark, for Excel")
        for verb in (listing, export):
            for name, meaning in FILTERS.items():
                verb.add_argument(f"--{name}", default="", help=f"only those with this {name}: {meaning}")
        add_import_arguments(verbs.add_parser("import", help="create users from a CSV file, or bring them up to date"))
        create = verbs.add_parser("create", help="create a user, and invite them by mail")
        create.add_argument("name", metavar="USERNAME")
        create.add_argument("email", metavar="EMAIL")
        create.add_argument("--first-name", default="")
        create.add_argument("--last-name", default="")
        create.add_argument("--role", action="append", default=[], help="may be given several times")
        ways = create.add_mutually_exclusive_group()
        ways.add_argument("--password", action="store_true", help="print a password instead of sending an invitation")
        ways.add_argument("--service", action="store_true", help="an account of a script, which has no password")
        for name, meaning in PLAIN_VERBS.items():
            _with_user(verbs.add_parser(name, help=meaning))
        reset = _with_user(verbs.add_parser("reset-password", help="print a new password, to be changed at once"))
        reset.add_argument("--mail", action="store_true", help="send a link to choose one instead")
        for name, meaning in {"grant": "give a user a role", "revoke": "take a role from a user"}.items():
            _with_user(verbs.add_parser(name, help=meaning)).add_argument("role", metavar="ROLE")
        for key_verb, (meaning, add_arguments) in key_verbs.VERBS.items():
            add_arguments(_with_user(verbs.add_parser(key_verb, help=meaning)))

    def handle(self, *_: object, verb: str, **options: Any) -> None:
        run = getattr(self, f"_{verb.replace('-', '_')}")
        try:
            if verb in {"list", "export", "import", "create"}:
                run(options)
            else:
                run(_find(options["name"]), options)
        except ValidationFailed as refusal:
            raise CommandError(_sentences(refusal)) from None
        except DomainError as refusal:
            raise CommandError(refusal.message) from None

    def _list(self, options: Options) -> None:
        found = _query(options).apply(User.objects.visible_to(SYSTEM)).with_role_names().in_chunks()
        number = 0
        for number, user in enumerate(found, start=1):  # noqa: B007 (counts)
            roles = ", ".join(role.name for role in user.roles.all()) or "no role"
            seen = f"last seen {user.last_login:%Y-%m-%d %H:%M}" if user.last_login else "never signed in"
            kind = "service account, " if user.is_service else ""
            self.stdout.write(f"{user.username} <{user.email}>  {kind}{user.status}, {seen}, {roles}")
        self.stdout.write("1 user." if number == 1 else f"{number:,} users.")

    def _export(self, options: Options) -> None:
        query, to = _query(options), options["to"]
        if to == "-":
            for line in _csv(query, with_bom=options["bom"]):
                sys.stdout.write(line)
            return
        try:
            with create_private_file(Path(to)) as file:
                lines = -1  # the header
                for line in _csv(query, with_bom=options["bom"]):
                    lines += 1
                    file.write(line.encode())
        except FileExistsError:
            raise CommandError(f"{to} is there already. Name a new file.") from None
        except OSError as error:
            raise CommandError(f"{to} can't be written: {error.strerror}.") from None
        self.stdout.write(f"{'1 user' if lines == 1 else f'{lines:,} users'} in {to}, which only you may read.")

    def _import(self, options: Options) -> None:
        run_import(options, self.stdout)

    def _create(self, options: Options) -> None:
        password = random_password() if options["password"] else None
        user = user_services.create_user(
            actor=SYSTEM,
            username=options["name"],
            email=options["email"],
            first_name=options["first_name"],
            last_name=options["last_name"],
            roles=options["role"],
            password=password,
            must_change_password=password is not None,
            is_service=options["service"],
        )
        self.stdout.write(f"{user.username} was created.")
        if password:
            self._print_password(password)
        elif not user.is_service:
            self.stdout.write(f"An invitation goes to {user.email}.")

    def _lock(self, user: User, _: Options) -> None:
        user_services.lock_user(actor=SYSTEM, user_id=user.pk)
        self.stdout.write(f"{user.username} is locked, and their sessions are ended.")

    def _unlock(self, user: User, _: Options) -> None:
        user_services.unlock_user(actor=SYSTEM, user_id=user.pk)
        self.stdout.write(f"{user.username} is not locked.")
        if not settings.REDIS_URL:
            self.stdout.write(
                "Without REDIS_URL each server counts wrong guesses for itself: "
                "it forgets them after 15 minutes, or when the server is restarted."
            )
        self._warn_of_obstacles(user)

    def _activate(self, user: User, _: Options) -> None:
        user_services.update_user(actor=SYSTEM, user_id=user.pk, is_active=True)
        self.stdout.write(f"{user.username} is active.")
        self._warn_of_obstacles(user)

    def _deactivate(self, user: User, _: Options) -> None:
        user_services.update_user(actor=SYSTEM, user_id=user.pk, is_active=False)
        self.stdout.write(f"{user.username} is deactivated, and their sessions are ended.")

    def _reset_password(self, user: User, options: Options) -> None:
        if options["mail"]:
            password_services.send_password_reset(actor=SYSTEM, user_id=user.pk)
            self.stdout.write(f"A link to choose a password goes to {user.email}. The old password is good until then.")
            return
        password = random_password()
        password_services.reset_password(actor=SYSTEM, user_id=user.pk, password=password)
        self.stdout.write(f"{user.username} has a new password, and their sessions are ended.")
        self._print_password(password)
        self._warn_of_obstacles(user)

    def _reset_factors(self, user: User, _: Options) -> None:
        mfa_services.reset_factors(actor=SYSTEM, user_id=user.pk)
        self.stdout.write(f"{user.username} has no second factor now, and their sessions are ended.")
        self._warn_of_obstacles(user)

    def _end_sessions(self, user: User, _: Options) -> None:
        ended = session_services.end_user_sessions(actor=SYSTEM, user_id=user.pk)
        self.stdout.write(f"{'1 session' if ended == 1 else f'{ended:,} sessions'} of {user.username} ended.")

    def _grant(self, user: User, options: Options) -> None:
        bulk.change_role(actor=SYSTEM, user_id=user.pk, assigned=options["role"])
        self.stdout.write(f"{user.username} has the roles {_roles_of(user)}.")
        self._warn_of_obstacles(user)

    def _revoke(self, user: User, options: Options) -> None:
        bulk.change_role(actor=SYSTEM, user_id=user.pk, revoked=options["role"])
        self.stdout.write(f"{user.username} has {'the roles ' + left if (left := _roles_of(user)) else 'no role'}.")

    def _create_key(self, user: User, options: Options) -> None:
        self.stdout.write("\n".join(key_verbs.create_key(user, options)))

    def _keys(self, user: User, _: Options) -> None:
        self.stdout.write("\n".join(key_verbs.list_keys(user)))

    def _revoke_key(self, user: User, options: Options) -> None:
        self.stdout.write(key_verbs.revoke_key(user, options["key"]))

    def _print_password(self, password: str) -> None:
        self.stdout.write(f"Password: {password}")
        self.stdout.write("It is not shown again, and must be changed at the first sign-in.")

    def _warn_of_obstacles(self, user: User) -> None:
        """Print why a user still can't sign in, and which verb helps."""
        user.refresh_from_db()
        if user.is_locked:
            self.stdout.write(f"They can't sign in: the account is locked. To unlock it: users unlock {user.username}")
        if not user.is_active:
            self.stdout.write(f"They can't sign in: it is deactivated. To activate it: users activate {user.username}")
        if not user.has_usable_password() and not user.is_service:
            self.stdout.write(f"They have no password yet. To make one: users reset-password {user.username}")


def _with_user(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("name", metavar="USER", help="a username or an e-mail address")
    return parser


def _find(name: str) -> User:
    user: User | None = User.objects.known_as(name)
    if user is None:
        raise CommandError(f"There is no user {name}. To see all of them: manage.py users list")
    return user


def _query(options: Options) -> UserQuery:
    return UserQuery.parse(QueryDict(urlencode({name: options[name] for name in FILTERS if options[name]})))


def _csv(query: UserQuery, *, with_bom: bool) -> Iterator[str]:
    found = query.apply(User.objects.visible_to(SYSTEM))
    rows = start_export(actor=SYSTEM, users=found, filters=query.given)
    yield from csv_lines(chain([EXPORT_COLUMNS], map(user_cells, rows)), with_bom=with_bom)


def _roles_of(user: User) -> str:
    return ", ".join(user.roles.values_list("name", flat=True))


def _sentences(refusal: ValidationFailed) -> str:
    text = " ".join(sentence for sentences in refusal.errors.values() for sentence in sentences)
    if "roles" in refusal.errors:
        text += f" The roles are: {', '.join(Role.objects.values_list('name', flat=True))}."
    return text
