"""`manage.py anchor_audit`: send the newest checkpoint to the configured anchors."""

from django.core.management.base import BaseCommand, CommandError

from audit.anchoring.channels import AnchorFailed, anchor, configured_channels
from audit.sealing.sealer import LedgerCorrupted


class Command(BaseCommand):
    """Send once. The server does it by itself unless AUDIT_SEAL_SECONDS is 0."""

    help = "Send the newest checkpoint to AUDIT_ANCHOR_FILE, AUDIT_ANCHOR_URL and AUDIT_ANCHOR_EMAIL."

    def handle(self, *_: object, **__: object) -> None:
        channels = configured_channels()
        if not channels:
            raise CommandError("Set AUDIT_ANCHOR_FILE, AUDIT_ANCHOR_URL or AUDIT_ANCHOR_EMAIL first.")
        failures = []
        for channel in channels:
            try:
                size = anchor(channel, at_once=True)
            except (AnchorFailed, LedgerCorrupted) as error:
                failures.append(f"{channel}: {error}")
            else:
                done = f"a checkpoint of {size} events was sent" if size else "nothing new"
                self.stdout.write(f"{channel}: {done}.")
        if failures:
            raise CommandError("\n".join(failures))
