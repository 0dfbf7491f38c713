"""How many users were active in the past, reckoned back from the log."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.users import services as user_services
from analytics import queries
from analytics.queries import active_users_at
from audit.sealing.sealer import Sealer
from reprotech.testing.cast import make_user


@pytest.fixture(autouse=True)
def grown_up(cast):
    """Everybody has been there for a while."""
    User.objects.update(created_at=timezone.now() - timedelta(days=60))


def test_the_number_of_active_users_is_known_for_the_past(cast):
    start = timezone.now()
    before = active_users_at(start)
    assert before == 8
    user_services.update_user(actor=SYSTEM, user_id=cast.viewer.pk, is_active=False)
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    user_services.lock_user(actor=SYSTEM, user_id=cast.manager.pk)
    user_services.unlock_user(actor=SYSTEM, user_id=cast.manager.pk)
    user_services.lock_user(actor=SYSTEM, user_id=cast.manager.pk)
    user_services.update_user(actor=SYSTEM, user_id=cast.researcher.pk, is_active=False)
    user_services.delete_user(actor=SYSTEM, user_id=cast.researcher.pk)
    user_services.delete_user(actor=SYSTEM, user_id=cast.veterinarian.pk)
    make_user("new", "viewer")
    now = timezone.now()
    assert active_users_at(start) == before
    assert active_users_at(now + timedelta(seconds=1)) == User.objects.active().count() == 5


def test_after_too_many_changes_nobody_reckons(cast, monkeypatch):
    start = timezone.now()
    user_services.lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    Sealer().seal()
    assert active_users_at(start) == 8
    monkeypatch.setattr(queries, "MAX_CHANGES", 0)
    assert active_users_at(start) is None
