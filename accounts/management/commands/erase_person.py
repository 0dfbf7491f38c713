"""`manage.py erase_person USERNAME`: erase a user's personal data, on request."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.users.erasure import erase_personal_data
from audit.recorded_command import RecordedCommand
from reprotech.core.exceptions import DomainError


class Command(RecordedCommand):
    """Erase after a confirmation. An account that still exists is deleted."""

    help = "Erase a person's data from their account and from the audit log, whose proofs stay what they were."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="the username, or the number of a user whose name is erased already")
        parser.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *_: object, username: str, yes: bool, **__: object) -> None:
        user = User.objects.filter(username__iexact=username).first()
        if user is None and username.isascii() and username.isdigit():
            user = User.objects.filter(pk=int(username)).first()
        if user is None:
            raise CommandError(f"There is no user {username}, and never was.")
        if not yes:
            verb = "Erase" if user.deleted_at else "Delete the account and erase"
            self.stdout.write(f"{verb} what tells who user {user.pk} ({user.username}, {user.full_name}) was?")
            if input("This can't be undone. Type yes to continue: ").strip().lower() != "yes":
                raise CommandError("Nothing was erased.")
        try:
            events = erase_personal_data(actor=SYSTEM, user_id=user.pk)
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(f"User {user.pk} is erased, also from {events} events of the audit log.")
        self.stdout.write("What was written before still tells of them: backups, bundles, log files (docs/audit.md).")
