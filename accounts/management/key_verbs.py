"""The verbs of `manage.py users` for API keys of service accounts, so that a script needs no browser to begin."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.access.authorization import SYSTEM
from accounts.api_keys import services
from accounts.models import User
from reprotech.core.exceptions import Conflict
from reprotech.core.secure_files import create_private_file


def _add_creation(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True, dest="key_name", metavar="NAME", help="such as the script that has it")
    parser.add_argument("--scope", action="append", required=True, help="a permission; may be given several times")
    parser.add_argument("--days", type=int, default=services.DEFAULT_DAYS, help=f"{services.DEFAULT_DAYS} unless given")
    parser.add_argument("--address", action="append", default=[], help="an address or network that it may come from")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write it to a new file instead of printing it")


def _add_nothing(_: ArgumentParser) -> None:
    pass


def _add_key(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="as the list shows it, such as rpt_0123456789ab")


#: What each does, and its arguments besides the user.
VERBS: dict[str, tuple[str, Callable[[ArgumentParser], None]]] = {
    "create-key": ("make an API key for a service account", _add_creation),
    "keys": ("list the API keys of a user", _add_nothing),
    "revoke-key": ("revoke an API key", _add_key),
}


def create_key(owner: User, options: dict[str, Any]) -> list[str]:
    """Make the key; returns what to print. Raises CommandError for the file, and DomainError."""
    if not owner.is_service:
        raise Conflict(f"{owner.username} is a person, and people make their own keys. Name a service account.")
    to = options["to"]
    if to is None:
        return [f"Key: {_store(owner, options)}", "It is not shown again."]
    try:
        # Before the key is made: one that nobody could read would stay good.
        with create_private_file(to) as file:
            file.write(f"{_store(owner, options)}\n".encode())
    except FileExistsError:
        raise CommandError(f"{to} is there already. Name a new file.") from None
    except OSError as error:
        raise CommandError(f"{to} can't be written: {error.strerror}.") from None
    return [f"The key is in {to}, which only you may read."]


def _store(owner: User, options: dict[str, Any]) -> str:
    return services.create_key(
        actor=SYSTEM,
        user_id=owner.pk,
        name=options["key_name"],
        scopes=options["scope"],
        expires_in_days=options["days"],
        addresses=options["address"],
    ).text


def list_keys(owner: User) -> Iterator[str]:
    """A line for each key that isn't revoked, and their number."""
    keys = list(owner.api_keys.unrevoked().order_by("created_at"))
    for key in keys:
        used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
        yield f"{key.public_id}  {key.name}: {', '.join(key.scopes)}; until {key.expires_at:%Y-%m-%d}, {used}"
    yield "1 key." if len(keys) == 1 else f"{len(keys)} keys."


def revoke_key(owner: User, shown: str) -> str:
    """Revoke the key that the list shows so, and return what to print."""
    key = next((key for key in owner.api_keys.unrevoked() if key.public_id == shown), None)
    if key is None:
        raise CommandError(f"{owner.username} has no key {shown}. To see them: manage.py users keys {owner.username}")
    services.revoke_key(actor=SYSTEM, user_id=owner.pk, key_id=key.pk)
    return f"{shown} is revoked."
