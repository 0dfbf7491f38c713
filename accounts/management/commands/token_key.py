"""`manage.py token_key`: the public half of the key that signs tokens."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from reprotech.core.jwk import encode_public_key, public_key_of, thumbprint


class Command(BaseCommand):
    help = "Print the public key of JWT_SIGNING_KEY, for JWT_PUBLIC_KEYS, and its name in tokens."

    def handle(self, *_: object, **__: object) -> None:
        if settings.JWT_SIGNING_KEY is None:
            raise CommandError("JWT_SIGNING_KEY is not set: tokens are signed with JWT_SECRET_KEY.")
        public = public_key_of(settings.JWT_SIGNING_KEY)
        self.stdout.write(encode_public_key(public))
        self.stderr.write(f"kid {thumbprint(public)}")
