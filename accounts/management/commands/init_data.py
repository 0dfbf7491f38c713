"""`manage.py init_data`: permissions, roles and the first administrator."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.users.default_data import (
    ADMIN_USERNAME,
    load_default_data,
    replace_default_address,
    replace_documented_password,
)
from reprotech.core.exceptions import ValidationFailed


class Command(BaseCommand):
    # Running it again changes nothing.
    help = "Load permissions, roles and, while no user exists, the administrator."

    def handle(self, *_: object, **__: object) -> None:
        try:
            changes, password = load_default_data()
            replaced = replace_documented_password() if password is None else None
            readdressed = replace_default_address()
        except ValidationFailed as error:
            sentences = [sentence for sentences in error.errors.values() for sentence in sentences]
            name = "ADMIN_EMAIL" if {"email", "ADMIN_EMAIL"} & error.errors.keys() else "ADMIN_PASSWORD"
            raise CommandError(f"{name} can't be used. {' '.join(sentences)}") from None
        is_changed = changes or password is not None
        self.stdout.write("Database initialized successfully!" if is_changed else "Default data is in place.")
        if password is not None:
            shown = f"/ {password}" if password else "(with the password from ADMIN_PASSWORD)"
            self.stdout.write(f"Default admin user created: {ADMIN_USERNAME} {shown}")
        if password and not settings.DEBUG:
            self.stdout.write("Keep this password: it is not shown again. It must be changed at the first sign-in.")
        if replaced is not None:
            known = replaced or "the password from ADMIN_PASSWORD"
            self.stdout.write(f"{ADMIN_USERNAME} still had the documented password. It is replaced: {known}")
            self.stdout.write("It must be changed at the first sign-in.")
        if readdressed:
            self.stdout.write(f"{ADMIN_USERNAME} now has the address of ADMIN_EMAIL: {settings.ADMIN_EMAIL}")
