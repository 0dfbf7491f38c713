"""An event that commits late, with a lower id than others, is replayed in its place."""

from threading import Event, Thread

import pytest
from django.db import connection, transaction

from access_history.models import AccountPeriod
from access_history.projection import catch_up as catching_up
from access_history.projection.catch_up import catch_up
from accounts.access.authorization import SYSTEM
from accounts.users.services import lock_user
from reprotech.testing.cast import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


def test_nothing_overtakes_an_event_that_is_not_committed_yet(cast, monkeypatch):
    ann, ben = make_user("ann"), make_user("ben")
    catch_up(None)
    monkeypatch.setattr(catching_up, "WORKER_WAIT_SECONDS", 0.05)
    is_written, may_end = Event(), Event()

    def lock_slowly():
        try:
            with transaction.atomic():
                lock_user(actor=SYSTEM, user_id=ann.pk)
                is_written.set()
                may_end.wait(20)
        finally:
            connection.close()

    thread = Thread(target=lock_slowly)
    thread.start()
    is_written.wait(20)
    lock_user(actor=SYSTEM, user_id=ben.pk)
    assert catch_up(None).complete_to is not None
    assert not AccountPeriod.objects.filter(is_locked=True).exists()
    may_end.set()
    thread.join()
    assert catch_up(None).complete_to is None
    locked = AccountPeriod.objects.filter(is_locked=True).order_by("from_event")
    assert [row.user_id for row in locked] == [ann.pk, ben.pk]
