"""A test fails in which a service changes something without an event (`reprotech.testing.unrecorded_changes`)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.access.authorization import SYSTEM, authorize, service
from accounts.models import Role, RoleGrant, User
from accounts.sessions import services as session_services
from accounts.users.services import lock_user, update_user
from audit.models import Action
from audit.services import record
from reprotech.core.exceptions import Forbidden
from reprotech.testing import unrecorded_changes
from reprotech.testing.cast import make_user
from reprotech.testing.client import Caller
from reprotech.testing.unrecorded_changes import someone_else

pytestmark = pytest.mark.django_db


@service
def forgetful(*, actor, change, about=None, changes=None, required=None):
    """Make a change and record nothing, or something else; or be refused in the end."""
    change()
    if about:
        record(actor=actor, action=Action.UPDATE, resource="user", resource_id=about.pk, changes=changes)
    if required:
        authorize(actor, required)


def deactivate(user):
    return lambda: User.objects.filter(pk=user.pk).update(is_active=False)


def found():
    """What the plugin found since the last question; no test fails by it then."""
    sentences = [*unrecorded_changes.found.values()]
    unrecorded_changes.found.clear()
    return sentences


def test_a_service_that_forgets_is_named_with_table_and_columns_and_fails_the_test(cast):
    forgetful(actor=SYSTEM, change=deactivate(cast.viewer))
    sentence = f"forgetful left no event about this: update of users (is_active) about user:{cast.viewer.pk}."
    with pytest.raises(pytest.fail.Exception) as failure:
        unrecorded_changes.complain()
    assert str(failure.value).splitlines() == ["A service changed what it didn't record or announce.", sentence]
    assert found() == []


def test_a_relation_counts_as_much_as_a_column(cast):
    role = Role.objects.get(slug="manager")
    forgetful(actor=SYSTEM, change=lambda: cast.stranger.roles.add(role))
    assert [sentence.partition("insert of ")[2].partition(" ")[0] for sentence in found()] == ["user_roles"]


def test_a_service_that_is_a_plain_function_is_named_too(cast, monkeypatch):
    session = Caller(cast.viewer).signed_in.session
    monkeypatch.setattr(session_services, "record", lambda **_: None)
    session_services.sign_out(session=session)
    assert [sentence.partition(" left")[0] for sentence in found()] == ["sign_out"]


@pytest.mark.only_on("postgresql")
def test_a_service_that_leaves_cached_sessions_as_they_were_is_named(cast):
    user, roles = cast.viewer, {"roles": (["Viewer"], [])}
    past_the_tracking = QuerySet(User).filter(pk=user.pk)
    changes = (lambda: past_the_tracking.update(is_active=False), {"is_active": (True, False)})
    grants = QuerySet(RoleGrant).filter(user=user)
    link = (lambda: grants._raw_delete("default"), roles)
    for change, recorded in (changes, link):
        forgetful(actor=SYSTEM, change=change, about=user, changes=recorded)
        (sentence,) = found()
        assert sentence.startswith("forgetful left cached sessions as they were before this: ")
    forgetful(actor=SYSTEM, change=deactivate(cast.manager), about=cast.manager, changes={"is_active": (True, False)})
    assert found() == []


@pytest.mark.parametrize(("about", "name"), [("manager", "is_active"), ("viewer", "first_name")])
def test_an_event_about_something_else_accounts_for_nothing(cast, about, name):
    changes = {name: (1, 2)}
    forgetful(actor=SYSTEM, change=deactivate(cast.viewer), about=getattr(cast, about), changes=changes)
    assert len(found()) == 1


def test_what_a_test_does_in_the_midst_of_a_service_is_no_finding(cast):
    def change():
        with someone_else():
            deactivate(cast.viewer)()

    forgetful(actor=SYSTEM, change=change)
    unrecorded_changes.complain()


def test_what_is_recorded_refused_or_left_as_it_was_is_no_finding(cast):
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, first_name="Ann", roles=["Manager"])
    forgetful(actor=SYSTEM, change=deactivate(cast.viewer), about=cast.viewer, changes={"is_active": (True, False)})
    forgetful(actor=SYSTEM, change=lambda: lock_user(actor=SYSTEM, user_id=cast.stranger.pk))
    forgetful(actor=SYSTEM, change=deactivate(cast.viewer))  # as it is already
    with pytest.raises(Forbidden):
        forgetful(actor=cast.manager, change=deactivate(cast.manager), required="user_delete")
    User.objects.filter(pk=cast.viewer.pk).update(is_active=True)  # by no service
    assert found() == []


def test_a_comparison_is_no_query_of_the_service(cast):
    with CaptureQueriesContext(connection) as queries:
        forgetful(actor=SYSTEM, change=deactivate(cast.viewer))
    assert len(found()) == 1
    assert [query["sql"] for query in queries if "audit_" in query["sql"]] == []


@pytest.mark.django_db(transaction=True)
def test_services_in_threads_and_in_transactions_of_their_own_are_compared():
    users = [make_user(f"user-{number}") for number in range(2)]

    def run(user):
        try:
            forgetful(actor=SYSTEM, change=deactivate(user))
            with transaction.atomic():
                lock_user(actor=SYSTEM, user_id=user.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        list(pool.map(run, users))
    assert [sentence.rpartition(" ")[2] for sentence in found()] == [f"user:{user.pk}." for user in users]
