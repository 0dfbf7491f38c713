"""What `python -m benchmarks.single_sign_on` does at its two sizes, done at a tiny one."""

import pytest

from benchmarks.single_sign_on import worker
from reprotech.testing.cast import PASSWORD
from sso.models import AppSignIn
from sso.tests.support.many_sign_ins import make_sign_ins

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(cast):
    make_sign_ins([cast.viewer, cast.manager], 20)
    return worker.Caller(cast.super_admin.username, PASSWORD)


def test_each_task_is_done_and_leaves_as_many_sign_ins_as_there_were(caller):
    for task in worker.TASKS:
        taken, processor_time = worker.obey(caller, task, 2)
        assert taken > 0, task
        assert processor_time >= 0, task
        assert AppSignIn.objects.count() == AppSignIn.objects.valid().count() == 20, task


def test_people_are_locked_who_are_signed_in_at_a_program_that_is_told(caller, cast):
    assert set(worker.obey(caller, worker.SIGNED_IN, "http://127.0.0.1:9/logout")) == {cast.viewer.pk, cast.manager.pk}
    worker.obey(caller, worker.LOCK, cast.viewer.pk)
    assert set(AppSignIn.objects.lost_by_state().values_list("user", flat=True)) == {cast.viewer.pk}
