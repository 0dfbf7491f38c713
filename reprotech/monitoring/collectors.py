"""Metrics of the installation's state, measured when they are scraped; the same from every process.

While the database is down its metrics are left out, and `reprotech_database_up` says so.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.models import OutgoingMail
from audit import worker
from audit.anchoring.channels import configured_channels
from audit.models import Anchor, Checkpoint, Leaf
from audit.sealing.sealer import MIN_ID, unsealed_events
from audit.verification import runs as verification_runs
from reprotech import __version__
from reprotech.core.status import CONNECTED, UNAVAILABLE, cache_state, database_state
from reprotech.settings_history.snapshot import Snapshot

logger = logging.getLogger(__name__)

#: Events commit out of the order of their ids, but seldom further apart than this.
MAX_ID_DISORDER = 10_000


class StateCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        version = GaugeMetricFamily("reprotech_version", "The version that runs; always 1.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        build = GaugeMetricFamily("reprotech_build_info", "The build that runs; always 1.", labels=["version", "build"])
        build.add_metric([__version__, settings.BUILD_ID], 1)
        yield build
        fingerprint = GaugeMetricFamily(
            "reprotech_settings_info",
            "The settings, version and packages that run, by their fingerprint; always 1.",
            labels=["fingerprint"],
        )
        fingerprint.add_metric([Snapshot.take().fingerprint], 1)
        yield fingerprint
        yield from _audit_worker()
        state = database_state()
        is_up = state != UNAVAILABLE
        yield _gauge("reprotech_database_up", "Whether the database answers.", is_up)
        yield _gauge("reprotech_database_writable", "Whether the database takes changes.", state == CONNECTED)
        yield _gauge("reprotech_cache_up", "Whether the cache answers.", cache_state() == CONNECTED)
        if is_up:
            try:
                # All or nothing, should the database go down meanwhile.
                yield from [*_clock(), *_outbox(), *_audit(), *_anchors()]
            except Exception as error:  # noqa: BLE001 (the scraper gets what there is)
                logger.error("The state can't be measured: %s", error)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _age(moment: datetime | None) -> float:
    return max(0.0, (timezone.now() - moment).total_seconds()) if moment else 0.0


def _audit_worker() -> Iterator[Metric]:
    if worker.is_needed() and (last := worker.last_round()):
        text = "Time since the last round of this server's audit worker."
        yield _gauge("reprotech_audit_worker_age_seconds", text, max(0.0, time.time() - last))


def _clock() -> Iterator[Metric]:
    """SQLite has no clock of its own."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        ((theirs,),) = cursor.fetchall()
        ours = (before + time.time()) / 2
    text = "How far this server's clock is ahead of the database's."
    yield _gauge("reprotech_clock_offset_seconds", text, ours - float(theirs))


def _anchors() -> Iterator[Metric]:
    channels = configured_channels()
    if not channels:
        return
    sent = dict(Anchor.objects.values_list("channel", "size"))
    lag = GaugeMetricFamily(
        "reprotech_audit_anchor_lag_seconds",
        "Age of the oldest checkpoint that a channel hasn't sent yet.",
        labels=["channel"],
    )
    for channel in channels:
        waiting = Checkpoint.objects.filter(size__gt=sent.get(channel, 0)).order_by("size")
        lag.add_metric([channel], _age(waiting.values_list("sealed_at", flat=True).first()))
    yield lag
    interval = settings.AUDIT_ANCHOR_INTERVAL.total_seconds()
    yield _gauge("reprotech_audit_anchor_interval_seconds", "Time between two checkpoints that are sent.", interval)


def _outbox() -> Iterator[Metric]:
    waiting = Q(failed_at=None)
    found = OutgoingMail.objects.aggregate(
        waiting=Count("pk", filter=waiting),
        oldest=Min("created_at", filter=waiting),
        failed=Count("pk", filter=~waiting),
    )
    yield _gauge("reprotech_outbox_waiting", "Mails that wait to be sent.", found["waiting"])
    yield _gauge("reprotech_outbox_oldest_seconds", "Age of the mail that waits for longest.", _age(found["oldest"]))
    yield _gauge("reprotech_outbox_given_up", "Mails that were given up and are kept to look at.", found["failed"])


def _audit() -> Iterator[Metric]:
    last = Leaf.objects.order_by("-position").values_list("event_id", flat=True).first()
    start = max(MIN_ID, (last or 0) - MAX_ID_DISORDER)
    oldest = unsealed_events(start).values_list("timestamp", flat=True).first()
    yield _gauge("reprotech_audit_seal_lag_seconds", "Age of the oldest event that is not sealed yet.", _age(oldest))
    state = verification_runs.status()
    yield _gauge(
        "reprotech_audit_damaged",
        "Whether a verification found that the audit log was changed.",
        state.state == verification_runs.State.DAMAGED,
    )
    if state.until and state.state == verification_runs.State.GOOD:
        yield _gauge("reprotech_audit_verified_age_seconds", "Age of the newest verified event.", _age(state.until))
