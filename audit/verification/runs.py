"""Scheduled verification runs and the log status derived from them.

The whole log is verified once a day by its own process, so that the server's threads don't wait for it; new events
every minute.
"""

import logging
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Thread

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit.models import AuditLog, Checkpoint, VerificationRun
from audit.sealing.sealer import latest_checkpoint
from audit.verification.findings import Finding
from audit.verification.verifier import CannotVerify, Verification
from reprotech.core.background import start_command

logger = logging.getLogger(__name__)

#: A run that has not finished after this time was interrupted.
MAX_RUN_DURATION = timedelta(hours=2)
#: The first findings say where to look, and `manage.py verify_audit` prints all.
MAX_KEPT_FINDINGS = 20
#: Older events that are not sealed mean that the sealer doesn't work.
MAX_SEALING_DELAY = timedelta(minutes=2)
#: Between the clocks of several servers.
MAX_CLOCK_SKEW = timedelta(minutes=1)
LOW_PRIORITY = 19
#: A PostgreSQL advisory lock that nothing else in the database takes.
START_LOCK_ID = 7_203_917


class State(StrEnum):
    GOOD = "good"
    DAMAGED = "damaged"
    UNVERIFIED = "unverified"
    UNSEALED = "unsealed"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the log: `size` events up to `until` were verified, or sealed if none were verified."""

    state: State
    size: int = 0
    until: datetime | None = None
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    #: When the damage was found.
    found_at: datetime | None = None
    #: Since when events are not sealed although they should be.
    stalled_since: datetime | None = None
    is_running: bool = False


def status() -> Status:
    """The present status, in a few small queries."""
    checkpoint = latest_checkpoint()
    if checkpoint is None:
        return Status(State.UNSEALED, stalled_since=_stalled_since(None), is_running=is_running())
    runs = _runs_since_last_full_run()
    damaged = next((run for run in runs if run.findings), None)
    good = max((run for run in runs if not run.findings), key=lambda run: run.size, default=None)
    state = State.DAMAGED if damaged else State.GOOD if good else State.UNVERIFIED
    return Status(
        state=state,
        size=good.size if good else checkpoint.size,
        until=good.until if good else checkpoint.sealed_at,
        findings=tuple(damaged.findings) if damaged else (),
        warnings=tuple(dict.fromkeys(warning for run in runs for warning in run.warnings)),
        found_at=damaged.finished_at if damaged else None,
        stalled_since=_stalled_since(checkpoint),
        is_running=is_running(),
    )


def record_run(verification: Verification, *, since: int = 0, run_id: int = 0) -> Iterator[Finding]:
    """Yield a verification's findings while recording them; one that is interrupted leaves no record.

    `run_id` is a run that `begin_run` created, otherwise one is created with `since`.
    """
    runs = VerificationRun.objects
    run = runs.get(pk=run_id) if run_id else runs.create(since=since)
    try:
        for finding in verification.findings():
            kept = run.warnings if finding.is_warning else run.findings
            if len(kept) < MAX_KEPT_FINDINGS:
                kept.append(finding.sentence)
            yield finding
    except BaseException:
        # A run without an end would count as running, and keep others from starting, for hours.
        run.delete()
        raise
    run.finished_at = timezone.now()
    run.size, run.until = run.since + verification.count, verification.until
    run.save()
    for sentence in run.findings:
        logger.critical("The audit log was changed: %s", sentence)


def is_running() -> bool:
    return VerificationRun.objects.filter(finished_at=None, started_at__gt=timezone.now() - MAX_RUN_DURATION).exists()


def is_due() -> bool:
    """Whether the whole log should be verified again."""
    latest = _last_full_run()
    hours = timedelta(hours=settings.AUDIT_VERIFY_HOURS)
    return bool(hours) and (latest is None or latest.started_at < timezone.now() - hours) and not is_running()


@transaction.atomic
def begin_run(*, since: int = 0) -> VerificationRun | None:
    """Record that a verification starts; None if one is running, on any server."""
    if connection.vendor == "postgresql":  # SQLite's transactions exclude each other already
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [START_LOCK_ID])
    return None if is_running() else VerificationRun.objects.create(since=since)


def start_full_verification() -> Thread | None:
    """Verify the whole log in a low-priority process; the thread ends with it. None if a verification is running."""
    run = begin_run()
    if run is None:
        return None
    try:
        # The subprocess's output has no reader: its findings are in the run.
        nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        command = ("verify_audit", "--quiet", "--remember", str(run.pk))
        process = start_command(*command, niceness=LOW_PRIORITY, **nowhere)
    except OSError:
        run.delete()
        raise
    waiter = Thread(target=_wait_for, args=(process, run.pk), name="audit-verification", daemon=True)
    waiter.start()
    return waiter


def _wait_for(process: "subprocess.Popen[bytes]", run_id: int) -> None:
    process.wait()
    try:
        # One that could not even start has left its run open.
        VerificationRun.objects.filter(pk=run_id, finished_at=None).delete()
    except Exception as error:  # noqa: BLE001 (no caller could handle it)
        logger.error("A verification of the audit log is over, but can't be marked so: %s", error)
    finally:
        connection.close()


def verify_incrementally() -> None:
    """Verify what was sealed since the last good verification; all, if the checkpoint of that one is gone."""
    checkpoint, known = latest_checkpoint(), status()
    if not checkpoint or known.state != State.GOOD or checkpoint.size <= known.size:
        return
    run = begin_run(since=known.size)
    try:
        for _ in record_run(Verification(since=known.size), run_id=run.pk) if run else ():
            pass
    except CannotVerify:
        # The checkpoint to begin at is gone, which is what a rewritten log looks like: all is verified.
        if verification := start_full_verification():
            verification.join()


def _last_full_run() -> VerificationRun | None:
    return VerificationRun.objects.filter(since=0, finished_at__isnull=False).first()


def _runs_since_last_full_run() -> list[VerificationRun]:
    """Newest first: the last good run, the last run, the full run, and the last with findings."""
    whole = _last_full_run()
    if whole is None:
        return []
    later = VerificationRun.objects.filter(pk__gt=whole.pk, finished_at__isnull=False)
    return [*later.exclude(findings=[])[:1], *later[:1], whole]


def _stalled_since(checkpoint: Checkpoint | None) -> datetime | None:
    """The time of the oldest event that should be sealed by now and isn't."""
    rows = AuditLog.objects.filter(timestamp__lt=timezone.now() - MAX_SEALING_DELAY)
    if checkpoint:
        rows = rows.filter(timestamp__gt=checkpoint.sealed_at + MAX_CLOCK_SKEW)
    return rows.order_by("timestamp").values_list("timestamp", flat=True).first()
