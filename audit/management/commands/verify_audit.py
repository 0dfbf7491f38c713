"""`manage.py verify_audit`: check that the audit log is what was sealed. The exit code says the outcome."""

import time
from collections.abc import Iterable
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import DatabaseError

from audit.anchoring.channels import anchored_notes
from audit.crypto.signed_note import NoteError, VerifierKey
from audit.verification import runs as verification_runs
from audit.verification.findings import Finding
from audit.verification.verifier import CannotVerify, Verification

#: Findings that are printed one by one.
MAX_PRINTED_FINDINGS = 100
DAMAGED, UNKNOWN = 1, 2


class Command(BaseCommand):
    help = (
        "Verify that no event of the audit log was changed, removed, inserted or moved since it was sealed. "
        "Exit code 0: it is whole, 1: it is not, 2: this can't be told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", type=int, default=0, metavar="SIZE", help="begin at the checkpoint of SIZE events"
        )
        parser.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="KEY",
            help="a public key of the log that you know, as name+id+base64; again for each that no other vouches for",
        )
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="a signed checkpoint that you kept; may be given several times",
        )
        parser.add_argument(
            "--remember", nargs="?", type=int, const=0, metavar="RUN", help="let the audit page say what was found"
        )
        parser.add_argument("--quiet", action="store_true", help="print nothing but what is wrong")

    def handle(
        self,
        *_: object,
        since: int,
        key: list[str],
        checkpoint: list[Path],
        remember: int | None,
        quiet: bool,
        **__: object,
    ) -> None:
        progress = None if quiet else ProgressLine(self.stderr)
        try:
            verification = Verification(
                since=since,
                pinned=[VerifierKey.parse(text) for text in key],
                kept_notes=[*anchored_notes(), *(path.read_text(encoding="utf-8") for path in checkpoint)],
                **({"progress": progress} if progress else {}),
            )
            damages = self._print_findings(_findings(verification, since, remember), progress)
        except (CannotVerify, NoteError, OSError, ValueError, DatabaseError) as error:
            # An exit code of its own, as a monitor must not take an outage for damage, nor for a whole log.
            raise CommandError(f"It can't be told whether the log is whole: {error}", returncode=UNKNOWN) from error
        if damages:
            raise CommandError(f"The audit log is damaged: {counted(damages, 'finding')}.", returncode=DAMAGED)
        if not quiet:
            self.stdout.write(closing_sentence(verification))

    def _print_findings(self, findings: Iterable[Finding], progress: "ProgressLine | None") -> int:
        damages = total = 0
        for finding in findings:
            # All are counted: the log is verified while they are read.
            total += 1
            damages += not finding.is_warning
            if total <= MAX_PRINTED_FINDINGS:
                if progress:
                    progress.clear()
                self.stdout.write(f"{'warning, ' if finding.is_warning else ''}{finding}")
        if progress:
            progress.clear()
        if total > MAX_PRINTED_FINDINGS:
            self.stdout.write(f"... and {counted(total - MAX_PRINTED_FINDINGS, 'more finding')}.")
        return damages


def _findings(verification: Verification, since: int, remember: int | None) -> Iterable[Finding]:
    if remember is None:
        return verification.findings()
    return verification_runs.record_run(verification, since=since, run_id=remember)


class ProgressLine:
    """On a terminal one line that is overwritten; elsewhere a line every ten seconds."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._began = self._said = time.monotonic()

    def __call__(self, done: int, size: int) -> None:
        now = time.monotonic()
        if now - self._said < (0.2 if self._is_terminal else 10):
            return
        self._said = now
        seconds = round((now - self._began) / max(done, 1) * (size - done))
        line = f"{done * 100 // max(size, 1):3}%  {done:,} of {size:,} events, {seconds} s left"
        self._stream.write(f"\r{line}\x1b[K" if self._is_terminal else line, ending="" if self._is_terminal else "\n")
        self._stream.flush()

    def clear(self) -> None:
        if self._is_terminal:
            self._stream.write("\r\x1b[K", ending="")
            self._stream.flush()


def closing_sentence(verification: Verification) -> str:
    waiting = f" {counted(verification.unsealed, 'newer event')} not sealed yet." if verification.unsealed else ""
    if verification.until is None:
        return f"Nothing new is sealed, so there is nothing to verify.{waiting}"
    verified = "was" if verification.count == 1 else "were"
    return (
        f"{counted(verification.count, 'event')} {verified} verified up to {verification.until:%Y-%m-%d %H:%M:%S} UTC: "
        f"none was changed, removed, inserted or moved.{waiting}"
    )


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
