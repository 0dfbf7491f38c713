"""`manage.py oidc_key`: the keys that sign ID tokens."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from audit.recorded_command import RecordedCommand
from reprotech.core.actors import System
from reprotech.core.exceptions import DomainError
from sso.keys import services as key_services
from sso.models import SigningAlgorithm, SigningKey


class Command(RecordedCommand):
    help = "List, replace or retire the keys that sign ID tokens of single sign-on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="Show all keys.")
        rotate = actions.add_parser("rotate", help="Make a new key. It is published now, and signs in 24 hours.")
        rotate.add_argument("--algorithm", choices=SigningAlgorithm.values, default=SigningAlgorithm.RS256.value)
        rotate.add_argument("--now", action="store_true", help="It signs at once, as after a theft of the present one.")
        retire = actions.add_parser("retire", help="Stop using a key. It stays published until its tokens have ended.")
        retire.add_argument("kid", help="The key's id, as the list shows it.")
        retire.add_argument("--now", action="store_true", help="Withdraw it at once: nothing that it signed is valid.")

    def handle(self, *_: object, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except DomainError as error:
            raise CommandError(error.message) from None

    def _list(self, _options: dict[str, Any]) -> None:
        rows = SigningKey.objects.order_by("algorithm", "signs_from")
        if not rows:
            self.stdout.write("There is no key yet: the first one is made when it is needed.")
        for row in rows:
            self.stdout.write(f"{row.algorithm:<6} {row.kid} {_state(row)}")

    def _rotate(self, options: dict[str, Any]) -> None:
        row = key_services.rotate_key(actor=System(), algorithm=options["algorithm"], at_once=options["now"])
        self.stdout.write(f"{row.algorithm:<6} {row.kid} {_state(row)}")

    def _retire(self, options: dict[str, Any]) -> None:
        row = key_services.retire_key(actor=System(), kid=options["kid"], at_once=options["now"])
        self.stdout.write(f"{row.algorithm:<6} {row.kid} {_state(row)}")


def _state(row: SigningKey) -> str:
    now = timezone.now()
    if row.retired_at and row.retired_at <= now:
        return f"retired since {row.retired_at:%Y-%m-%d %H:%M} UTC"
    if row.signs_from > now:
        return f"published, signs from {row.signs_from:%Y-%m-%d %H:%M} UTC on"
    until = f", retired at {row.retired_at:%Y-%m-%d %H:%M} UTC" if row.retired_at else ""
    return f"signs since {row.signs_from:%Y-%m-%d %H:%M} UTC{until}"
