"""What is selected and shown is what a look at every single hour finds, in few statements."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access_history.models import AccountPeriod, GrantPeriod, RolePermissionPeriod
from access_history.projection.catch_up import catch_up
from access_history.questions.answers import answer, page_of
from access_history.questions.filters import AccessFilter
from access_history.questions.names import permission_periods
from access_history.questions.rows import read_rows
from access_history.questions.selection import Question, matching_ids
from access_history.questions.windows import STATUSES, Window
from access_history.rebuilding.rebuild import rebuild
from access_history.tests.support.random_periods import (
    BEGINS,
    DAYS,
    PERMISSIONS,
    ROLES,
    USERS,
    store_random_periods,
)
from audit.sealing.sealer import Sealer
from reprotech.testing.cast import make_user

pytestmark = pytest.mark.django_db

#: All periods begin and end on a third hour.
STEP = timedelta(hours=3)


def covering(periods, moment):
    return [one for one in periods if one.from_at <= moment and (one.to_at is None or moment < one.to_at)]


class World:
    """All periods, in memory."""

    def __init__(self):
        self.accounts, self.grants = list(AccountPeriod.objects.all()), list(GrantPeriod.objects.all())
        self.permissions = list(RolePermissionPeriod.objects.all())

    def statuses(self, question):
        """Of each account that matches, its status at each such moment."""
        window, found = question.window, {}
        moment = window.begin
        while moment < window.end:
            roles_of = {}
            for grant in covering(self.grants, moment):
                roles_of.setdefault(grant.user_id, set()).add(grant.role_id)
            giving = {
                one.role_id for one in covering(self.permissions, moment) if one.permission == question.permission
            }
            for account in covering(self.accounts, moment):
                held, status = roles_of.get(account.user_id, set()), account.status_at(moment)
                matches = question.role_ids is None or held & question.role_ids
                matches = matches and (not question.permission or held & giving)
                if matches and (not question.status or status == question.status):
                    found.setdefault(account.user_id, {})[moment] = status
            moment += STEP
        return found


def questions(chance, count):
    for number in range(count):
        moment = BEGINS + timedelta(hours=3 * chance.randrange(DAYS * 8))
        window = Window.at(moment) if number % 2 else Window(moment, moment + timedelta(days=1), moment.date())
        permission = chance.choice([*PERMISSIONS, "", ""])
        yield Question(
            window=window,
            role_ids=chance.choice([frozenset({chance.choice(ROLES)}), None]),
            permission=permission,
            permission_periods=permission_periods(permission, window) or () if permission else (),
            status=chance.choice([*STATUSES, "", "", "", ""]),
        )


def test_every_question_finds_those_who_match_at_any_moment():
    chance = Random(20260303)
    store_random_periods(chance)
    world, found = World(), 0
    for question in questions(chance, 120):
        expected = world.statuses(question)
        ids = list(matching_ids(question))
        assert ids == sorted(expected), question
        found += len(ids)
        for row in read_rows(question, ids)[:3] if question.window.day else ():
            own = expected[row.id]
            status = question.status or next(one for one in STATUSES if one in own.values())
            moments = sorted(moment for moment, at in own.items() if at == status)
            ends = moments[-1] + STEP
            assert (row.status, row.begins, row.ends) == (
                status,
                moments[0],
                None if ends == question.window.end else ends,
            )
    assert found > 200


def test_totals_come_from_the_days_and_are_those_of_a_count():
    store_random_periods(Random(7))
    for hour in range(0, DAYS * 24, 5):
        moment = BEGINS + timedelta(hours=hour)
        for window in (Window.at(moment), Window(moment, moment + timedelta(days=1), moment.date())):
            question = Question(window)
            assert page_of(question, 1, 5).total == matching_ids(question).count()


def test_pages_hold_each_account_once_and_end():
    store_random_periods(Random(7))
    question = Question(Window(BEGINS, BEGINS + timedelta(days=3), BEGINS.date()))
    pages = [page_of(question, number, 5) for number in (1, 2, 3, 4)]
    assert [row.id for page in pages for row in page.items] == list(USERS)[: pages[0].total]
    assert pages[3].items == []


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
