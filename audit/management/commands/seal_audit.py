"""`manage.py seal_audit`: put what is new in the audit log into its Merkle tree, and sign a checkpoint."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.sealing.sealer import Sealer, SealingInProgress, latest_checkpoint
from reprotech.core.exceptions import Conflict


class Command(BaseCommand):
    """Seal once. The server does the same every few seconds."""

    help = "Seal the events of the audit log that are not sealed yet."

    def handle(self, *_: Any, **__: Any) -> None:
        """Seal and say what was done; the exit code is 1 when something needs a person."""
        try:
            done = Sealer().seal()
        except SealingInProgress:
            raise CommandError("Another process is sealing at this moment. It does the same work.") from None
        except Conflict as error:
            raise CommandError(error.message) from None
        checkpoint = latest_checkpoint()
        self.stdout.write(f"Events sealed: {done.count}. In all: {checkpoint.size if checkpoint else 0}.")
        if done.refused:
            raise CommandError(
                "These rows were not written by this installation, or changed before they were sealed: "
                f"{', '.join(map(str, done.refused))}. They are not sealed."
            )
