"""`manage.py audit_keys`: the audit log's public keys."""

from django.conf import settings
from django.core.management.base import BaseCommand

from audit.crypto.signed_note import Signer, VerifierKey
from audit.models import SigningKey
from audit.sealing.signing_keys import log_name
from audit.verification.signatures import KeyChain, Link


class Command(BaseCommand):
    help = "List the audit log's public keys, to give to those who check the log."

    def handle(self, *_: object, **__: object) -> None:
        rows = list(SigningKey.objects.all())
        if not rows:
            self.stdout.write("No key has signed yet.")
            return
        links = KeyChain(rows, ()).links
        for row, link in zip(rows, links, strict=True):
            notes = [f"since {row.created_at:%Y-%m-%d}"]
            if row is not rows[0] and link is Link.NONE:
                notes.append("not endorsed by the key before it: that one was lost, or a stranger added this one")
            if row is rows[-1]:
                notes.append(f"current, {_private_half(row.verifier)}")
            self.stdout.write(f"{row.verifier}\n    {'; '.join(notes)}")


def _private_half(current: VerifierKey) -> str:
    seed = settings.AUDIT_SIGNING_KEY
    is_set = seed is not None and Signer(log_name(), seed).verifier == current
    return "set as AUDIT_SIGNING_KEY" if is_set else "but AUDIT_SIGNING_KEY is another one: nothing is sealed"
