"""`manage.py seal_audit`: seal new events of the audit log once. The server does the same every few seconds."""

from django.core.management.base import BaseCommand, CommandError

from audit.sealing.sealer import Sealer, SealingInProgress, latest_checkpoint
from reprotech.core.exceptions import Conflict


class Command(BaseCommand):
    help = "Seal the events of the audit log that are not sealed yet."

    def handle(self, *_: object, **__: object) -> None:
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
