"""A page of accounts is read in few statements, and what a process remembers of it is never wrong."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access_history.models import AccountPeriod
from access_history.projection.catch_up import catch_up
from access_history.questions.answers import answer
from access_history.questions.filters import AccessFilter
from access_history.rebuilding.rebuild import rebuild
from audit.sealing.sealer import Sealer
from reprotech.testing.cast import make_user

pytestmark = pytest.mark.django_db


def ask(cast, moment, **query):
    query = AccessFilter({"at": moment.isoformat(), **query})
    assert query.is_valid()
    return answer(actor=cast.super_admin, query=query)


@pytest.fixture
def moment(cast):
    """After everything so far, which is sealed and in the history."""
    Sealer().seal()
    catch_up(None)
    cast.super_admin.has_perm("user_read")
    return datetime.now(UTC)


def queries(cast, moment, **query):
    with CaptureQueriesContext(connection) as captured:
        found = ask(cast, moment, **query)
    return len(captured), found


def test_a_page_takes_four_statements_and_the_next_visit_two(cast, moment):
    count, found = queries(cast, moment, per_page="3")
    # How far the history is, the number of accounts, the page, and what of it is sealed.
    assert (count, found.unsealed, len(found.page.items)) == (4, 0, 3)
    # Neither the number nor that all is sealed can change any more.
    assert queries(cast, moment, per_page="3")[0] == 2
    for number in range(20):
        make_user(f"one.more.{number}", "Viewer")
    Sealer().seal()
    catch_up(None)
    count, found = queries(cast, datetime.now(UTC), per_page="100")
    assert (count, found.unsealed) == (4, 0)
    assert len(found.page.items) > 20


def test_events_count_as_unsealed_until_a_checkpoint_covers_them(cast, moment):
    make_user("brand.new", "Viewer")
    later = datetime.now(UTC)
    assert [ask(cast, later, user="brand.new").unsealed for _ in range(2)] == [1, 1]
    before = ask(cast, later).checkpoint.size
    Sealer().seal()
    found = ask(cast, later, user="brand.new")
    assert (found.unsealed, found.checkpoint.size > before) == (0, True)
    assert ask(cast, later, user="brand.new") == found


def test_a_rebuild_makes_forget_a_number_of_accounts_that_was_wrong(cast, moment):
    AccountPeriod.objects.filter(user_id=cast.viewer.pk).delete()
    wrong = ask(cast, moment).page.total
    assert ask(cast, moment).page.total == wrong
    rebuild()
    assert ask(cast, moment).page.total == wrong + 1
