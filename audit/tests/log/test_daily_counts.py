"""Figures of each day are those that counting gives, sealed or not."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from django.utils import timezone

from audit.models import Action, AuditLog
from audit.sealing.sealer import Sealer
from audit.services import build_event
from audit.statistics import daily_counts
from reprotech.core.actors import System

pytestmark = pytest.mark.django_db


def write(moment, action, *, success):
    row = build_event(actor=System(), action=action, resource="auth", success=success)
    row.timestamp = moment
    row.save()


def counted(action, since):
    rows = AuditLog.objects.filter(action=action)
    days = ((row.timestamp.astimezone(UTC).date(), row.success) for row in rows)
    return Counter(kind for kind in days if kind[0] >= since)


@pytest.mark.parametrize("seed", range(4))
def test_any_history(seed):
    chance, now = Random(seed), timezone.now()
    for _ in range(40):
        moment = now - timedelta(days=chance.randrange(5), seconds=chance.randrange(90_000))
        write(moment, chance.choice([Action.LOGIN, Action.LOGOUT]), success=chance.random() < 0.7)
        if chance.random() < 0.2:
            Sealer().seal()
        since = (now - timedelta(days=chance.randrange(7))).date()
        for action in (Action.LOGIN, Action.LOGOUT):
            assert daily_counts.read_counts(action, since) == counted(action, since)


def test_days_begin_at_midnight_in_utc():
    midnight = datetime(2026, 5, 1, tzinfo=UTC)
    for moment in (midnight, midnight - timedelta(microseconds=1)):
        write(moment, Action.LOGIN, success=True)
    expected = {(midnight.date(), True): 1, (midnight.date() - timedelta(days=1), True): 1}
    assert daily_counts.read_counts(Action.LOGIN, date(2026, 4, 1)) == expected
    Sealer().seal()
    assert daily_counts.read_counts(Action.LOGIN, date(2026, 4, 1)) == expected
