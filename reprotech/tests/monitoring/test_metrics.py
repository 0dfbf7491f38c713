"""What monitoring reads of sign-ins, the outbox, the audit log, the database and the cache."""

import json
import logging
import os
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.authentication.login import Outcome
from accounts.models import OutgoingMail
from audit import worker
from audit.anchoring import channels
from audit.sealing.sealer import Sealer
from reprotech.monitoring import collectors
from reprotech.monitoring.log_formatters import JSONFormatter, RequestFilter
from reprotech.settings_history.snapshot import Snapshot
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller

LOCAL = Caller(address="127.0.0.1")


def measured():
    """Every sample of /metrics without a label, and those with labels under their whole name."""
    lines = LOCAL.get("/metrics").content.decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def sign_in(name, password, address="192.0.2.77"):
    body = {"username": name, "password": password}
    return Caller(address=address).call("POST", "/api/auth/login", body).status_code


def attempts(outcome):
    return REGISTRY.get_sample_value("reprotech_logins_total", {"outcome": Outcome(outcome)})


def test_sign_ins_are_counted_by_how_they_ended(db, viewer):
    before = attempts("success"), attempts("refused")
    assert sign_in(viewer.user.username, PASSWORD) == 200
    assert sign_in(viewer.user.username, "wrong") == 401
    assert sign_in("nobody-here", "wrong") == 401
    assert (attempts("success"), attempts("refused")) == (before[0] + 1, before[1] + 2)
    assert measured()['reprotech_logins_total{outcome="refused"}'] == before[1] + 2


def test_a_lockout_is_counted_once_and_each_attempt_during_it(db, viewer):
    lockouts, throttled = REGISTRY.get_sample_value("reprotech_lockouts_total"), attempts("throttled")
    statuses = [sign_in(viewer.user.username, "wrong") for _ in range(13)]
    assert statuses[-3:] == [429] * 3
    assert REGISTRY.get_sample_value("reprotech_lockouts_total") == lockouts + 1
    assert attempts("throttled") == throttled + 3


def test_no_label_names_a_person(db, viewer):
    sign_in(viewer.user.username, "wrong")
    assert viewer.user.username not in LOCAL.get("/metrics").content.decode()


def test_the_outbox_tells_what_waits_since_when_and_what_was_given_up(db, viewer):
    now = timezone.now()
    for age, failed_at in ((60, None), (600, None), (90_000, now)):
        OutgoingMail.objects.create(
            user=viewer.user,
            address="a@example.org",
            letter="invitation",
            created_at=now - timedelta(seconds=age),
            failed_at=failed_at,
        )
    found = measured()
    assert found["reprotech_outbox_waiting"] == 2
    assert found["reprotech_outbox_given_up"] == 1
    assert 600 <= found["reprotech_outbox_oldest_seconds"] < 700


def test_seal_lag_is_the_age_of_the_oldest_event_outside_the_tree(db, viewer, monkeypatch):
    sign_in(viewer.user.username, "wrong")
    later = timezone.now() + timedelta(minutes=5)
    monkeypatch.setattr(collectors.timezone, "now", lambda: later)
    assert measured()["reprotech_audit_seal_lag_seconds"] >= 299
    Sealer().seal()
    assert measured()["reprotech_audit_seal_lag_seconds"] == 0
    assert measured()["reprotech_audit_damaged"] == 0


def test_the_age_of_the_audit_workers_last_round(db, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    settings.LOG_DIR, settings.AUDIT_SIGNING_KEY = tmp_path, bytes(32)
    assert "reprotech_audit_worker_age_seconds" not in measured()
    worker._beat(tmp_path / "audit-worker.heartbeat")
    assert measured()["reprotech_audit_worker_age_seconds"] < 60
    os.utime(tmp_path / "audit-worker.heartbeat", (1, time.time() - 500))
    assert measured()["reprotech_audit_worker_age_seconds"] >= 500


def test_a_checkpoint_that_waits_to_be_sent_is_measured_by_channel(db, settings, tmp_path, viewer):
    assert not any("anchor" in name for name in measured())
    settings.AUDIT_ANCHOR_FILE, settings.AUDIT_ANCHOR_URL = tmp_path / "anchors.txt", "https://hook.test/"
    sign_in(viewer.user.username, "wrong")
    Sealer().seal()
    channels.anchor("file")
    name = "reprotech_audit_anchor_lag_seconds"
    found = measured()
    assert found[f'{name}{{channel="file"}}'] == 0 < found[f'{name}{{channel="url"}}'] < 60
    assert found["reprotech_audit_anchor_interval_seconds"] == settings.AUDIT_ANCHOR_INTERVAL.total_seconds()


@pytest.mark.only_on("postgresql")
def test_the_clock_is_compared_with_the_databases(db, monkeypatch):
    assert abs(measured()["reprotech_clock_offset_seconds"]) < 60
    real = time.time
    monkeypatch.setattr(collectors.time, "time", lambda: real() + 900)
    assert 800 < measured()["reprotech_clock_offset_seconds"] < 1000


def test_what_runs_is_told_apart_by_a_fingerprint(db, monkeypatch):
    name = f'reprotech_settings_info{{fingerprint="{Snapshot.take().fingerprint}"}}'
    assert measured()[name] == 1
    monkeypatch.setenv("SUDO_MINUTES", "59")
    assert name not in measured()


def test_djangos_own_line_about_a_refusal_names_request_client_and_user(db, viewer, caplog):
    caplog.handler.addFilter(RequestFilter())
    answer = viewer.get("/api/roles/1/nothing")
    (line,) = [each for each in caplog.records if each.name == "django.request"]
    assert (line.request_id, line.client) == (answer["X-Request-ID"], viewer.address)


def test_scraping_takes_a_handful_of_queries_whatever_there_is(db, viewer):
    with CaptureQueriesContext(
        connection,
    ) as few:
        measured()
    for _ in range(20):
        sign_in("nobody-here", "wrong")
    with CaptureQueriesContext(connection) as many:
        measured()
    assert len(many) == len(few) < 15


def test_without_the_database_monitoring_is_told_so(db, monkeypatch):
    monkeypatch.setattr(collectors, "database_state", lambda: "unavailable")
    found = measured()
    assert found["reprotech_database_up"] == 0
    assert "reprotech_outbox_waiting" not in found


@pytest.mark.only_on("postgresql")
def test_the_connection_pool_is_measured(db):
    # Tests have a connection outside the pool, so that its numbers are those of one that was just made.
    assert measured()["reprotech_database_pool_limit"] >= 1


def lines_of(caplog):
    formatter = JSONFormatter()
    return [json.loads(formatter.format(record)) for record in caplog.records if hasattr(record, "duration_ms")]


def test_a_log_line_names_request_user_and_duration(db, viewer, caplog):
    caplog.handler.addFilter(RequestFilter())
    with caplog.at_level(logging.INFO, logger="reprotech.middleware.request_context"):
        answer = viewer.get("/api/auth/me")
        Caller().get("/api/auth/me")
    mine, strangers = lines_of(caplog)
    assert mine["request_id"] == answer["X-Request-ID"]
    assert (mine["user_id"], mine["method"], mine["path"], mine["status"]) == (
        viewer.user.pk,
        "GET",
        "/api/auth/me",
        200,
    )
    assert mine["duration_ms"] > 0
    assert "user_id" not in strangers
