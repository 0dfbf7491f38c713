"""`manage.py rebuild_access_history`: rebuild the access history from the audit log, or compare the two."""

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from access_history.checking.comparison import Outcome, compare
from access_history.checking.outcome import MAX_SENTENCES, note_outcome
from access_history.projection.catch_up import catch_up
from access_history.projection.progress import read_state
from access_history.rebuilding.rebuild import KeptPeriodsChanged, rebuild, record_differences
from audit.recorded_command import RecordedCommand
from audit.sealing.sealer import LedgerCorrupted, Sealer, SealingInProgress
from audit.sealing.signing_keys import SigningKeyError

DIFFERS, UNKNOWN = 1, 2


class Command(RecordedCommand):
    help = (
        "Rebuild the access history (who could do what and when) from the audit log, or compare them with --check. "
        "Exit code 0: they agree with each other and with the present accounts, 1: they don't, 2: this can't be told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="leave the history as it is, and say what differs")
        parser.add_argument(
            "--record-differences",
            action="store_true",
            help="put on record what accounts and roles are like now where the log doesn't say it",
        )

    def handle(self, *_: object, check: bool, record_differences: bool, **__: object) -> None:
        if check and record_differences:
            raise CommandError("--check changes nothing: leave out one of the two options.")
        try:
            self._settle()
            progress = catch_up(None) if check else rebuild()
            if progress.complete_to is not None:
                raise CommandError(
                    f"Events from {progress.complete_to:%Y-%m-%d %H:%M:%S} UTC on are being written. Try again later.",
                    returncode=UNKNOWN,
                )
            self._report(compare(), is_recording=record_differences)
        except KeptPeriodsChanged as refusal:
            raise CommandError(refusal.message, returncode=DIFFERS) from None
        except DatabaseError as error:
            raise CommandError(f"The access history can't be read: {error}", returncode=UNKNOWN) from error

    def _settle(self) -> None:
        """Changes that were made in the database directly become events first."""
        try:
            Sealer().seal()
        except SealingInProgress:
            return
        except (SigningKeyError, LedgerCorrupted) as refusal:
            self.stderr.write(f"Changes made directly in the database may be missing: {refusal}")

    def _report(self, outcome: Outcome, *, is_recording: bool) -> None:
        if is_recording and outcome.present:
            count = record_differences(outcome)
            catch_up(None)
            self.stdout.write(f"{count} accounts and roles were put on record as they are now.")
            outcome = compare()
        # Or pages would go on to say what the last night's check found.
        note_outcome(outcome)
        for sentence in outcome.sentences[:MAX_SENTENCES]:
            self.stdout.write(sentence)
        state = read_state()
        for sentence in state.contradictions:
            self.stdout.write(f"note, {sentence}")
        if outcome.sentences:
            raise CommandError(_summary(outcome), returncode=DIFFERS)
        self.stdout.write(f"The access history is what the audit log says up to event {state.last_event:,}.")


def _summary(outcome: Outcome) -> str:
    number = len(outcome.sentences)
    text = f"{number:,} difference{'' if number == 1 else 's'}."
    if outcome.history:
        return f"{text} manage.py rebuild_access_history rebuilds the history from the log."
    return f"{text} manage.py rebuild_access_history --record-differences puts on record what is so now."
