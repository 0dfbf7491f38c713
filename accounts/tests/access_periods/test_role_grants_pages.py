"""The pages that give a role for a time, change the time and take the role."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access_periods import services
from accounts.models import Role, RoleGrant, User
from accounts.periods.validation import end_of_day, lab_day, start_of_day
from accounts.roles.services import create_role, update_role
from reprotech.testing.cast import give_role, make_user
from reprotech.testing.client import page_client


@pytest.fixture
def page(cast):
    return page_client(cast.super_admin)


@pytest.fixture
def visitor(db):
    return make_user("visitor.lee", "viewer")


def give(page, user, **fields):
    typed = {"role": "researcher", "begins": "now", "ends": "weeks", **fields}
    return page.post(f"/users/{user.pk}/grants/new", typed)


def researcher_grant(user):
    return RoleGrant.objects.get(user=user, role__slug="researcher")


def test_a_role_is_given_for_two_weeks_and_the_tab_says_until_when(page, visitor, one_day):
    answer = give(page, visitor, reason="Guest of the sequencing group")
    assert (answer.status_code, answer["Location"]) == (302, f"/users/{visitor.pk}/access")
    grant = researcher_grant(visitor)
    today = lab_day(timezone.now())
    assert (grant.starts_at, grant.ends_at) == (None, end_of_day(today + timedelta(days=14)))
    assert grant.reason == "Guest of the sequencing group"
    tab = page.get(f"/users/{visitor.pk}/access").text
    assert f"/users/{visitor.pk}/grants/{grant.pk}" in tab
    assert "Guest of the sequencing group" in tab


def test_the_choices_of_an_end_count_from_the_first_day(page, visitor, one_day):
    first = lab_day(timezone.now()).replace(month=11, day=30) + timedelta(days=365)
    day = {"begins": "day", "first_day": first.isoformat()}
    assert give(page, visitor, **day, ends="months").status_code == 302
    grant = researcher_grant(visitor)
    february = first.replace(year=first.year + 1, month=3, day=1) - timedelta(days=1)
    assert (grant.starts_at, grant.ends_at) == (start_of_day(first), end_of_day(february))
    assert "Begins later" in page.get(f"/users/{visitor.pk}/access").text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"role": ""}, "Choose the role."),
        ({"ends": "day"}, "Choose the day."),
        ({"ends": "day", "last_day": "2090-02-30"}, "Enter a day that exists"),
        ({"ends": "day", "last_day": "2020-01-31"}, "The end is in the past."),
        ({"begins": "day", "first_day": "2090-01-02", "ends": "day", "last_day": "2090-01-01"}, "after the start"),
        ({"ends": "later"}, "Select a valid choice"),
        ({"ends": "day", "last_day": "9999-12-31"}, "Give a day from the year 1900 to 2999."),
        ({"begins": "day", "first_day": "9999-12-20", "ends": "weeks"}, "Give a day from the year 1900 to 2999."),
        ({"begins": "day", "first_day": "0001-01-01", "ends": "never"}, "Give a day from the year 1900 to 2999."),
    ],
)
def test_what_is_wrong_is_said_at_the_form_and_what_was_typed_stays(page, visitor, fields, sentence):
    answer = give(page, visitor, reason="Kept", **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="Kept"' in answer.text
    assert not RoleGrant.objects.filter(user=visitor, role__slug="researcher").exists()


def test_a_period_is_extended_and_the_role_removed(page, visitor, cast):
    ends_at = timezone.now() + timedelta(days=3)
    grant = services.grant_role(actor=cast.super_admin, user_id=visitor.pk, role="researcher", ends_at=ends_at)
    path = f"/users/{visitor.pk}/grants/{grant.pk}"
    shown = page.get(path).text
    assert 'name="first_day"' not in shown  # it has begun
    assert f'value="{lab_day(ends_at).isoformat()}"' in shown
    unchanged = {"ends": "day", "last_day": lab_day(ends_at).isoformat()}
    assert page.post(path, unchanged).status_code == 302
    assert researcher_grant(visitor).ends_at == ends_at
    assert page.post(path, {"ends": "never"}).status_code == 302
    assert researcher_grant(visitor).ends_at is None
    assert page.post(f"{path}/remove").status_code == 302
    assert not RoleGrant.objects.filter(user=visitor, role__slug="researcher").exists()
    assert page.get(path).status_code == 404


def test_a_grant_of_another_user_is_not_found(page, visitor, cast):
    other = RoleGrant.objects.filter(user=cast.viewer).get()
    assert page.post(f"/users/{visitor.pk}/grants/{other.pk}/remove").status_code == 404
    assert RoleGrant.objects.filter(pk=other.pk).exists()


def test_roles_that_the_reader_lacks_are_not_offered(cast, visitor):
    form = page_client(cast.admin).get(f"/users/{visitor.pk}/grants/new").text
    assert 'value="researcher"' in form
    assert 'value="super_admin"' not in form
    answer = give(page_client(cast.admin), visitor, role="super_admin")
    assert answer.status_code == 422


def test_an_account_gets_an_end_in_its_form_and_keeps_its_time_of_day(page, visitor):
    path = f"/users/{visitor.pk}/edit"
    typed = {"username": visitor.username, "email": visitor.email, "roles": ["viewer"]}
    assert page.post(path, {**typed, "ends": "day", "last_day": "2090-01-31"}).status_code == 302
    visitor.refresh_from_db()
    assert visitor.ends_at == end_of_day(date(2090, 1, 31))
    exact = visitor.ends_at - timedelta(hours=5)
    User.objects.filter(pk=visitor.pk).update(ends_at=exact)
    assert 'value="2090-01-31"' in page.get(path).text
    for fields in ({"ends": "day", "last_day": "2090-01-31"}, {}):
        assert page.post(path, {**typed, "first_name": "Kim", **fields}).status_code == 302
        visitor.refresh_from_db()
        assert (visitor.first_name, visitor.ends_at) == ("Kim", exact)
    assert page.post(path, {**typed, "ends": "never"}).status_code == 302
    visitor.refresh_from_db()
    assert visitor.ends_at is None
    refused = page.post(path, {**typed, "ends": "day", "last_day": "2020-01-31"})
    assert (refused.status_code, "The end is in the past." in refused.text) == (422, True)


def test_a_new_account_can_begin_later(page):
    typed = {"username": "starter", "email": "starter@lab.example", "access": "invite", "roles": ["viewer"]}
    day = {"begins": "day", "first_day": "2090-05-03", "ends": "months"}
    assert page.post("/users/new", {**typed, **day}).status_code == 302
    user = User.objects.get(username="starter")
    assert (user.starts_at, user.ends_at) == (start_of_day(date(2090, 5, 3)), end_of_day(date(2090, 8, 3)))
    assert "Begins later" in page.get(f"/users/{user.pk}").text
    assert "Begins later" in page.get("/users?status=pending").text


def test_the_tab_offers_to_change_what_the_reader_may_give(cast, visitor):
    role = create_role(actor=SYSTEM, name="People Officer", permissions=["user_read", "user_update"])
    update_role(actor=cast.super_admin, role_id=role.pk, may_grant=["viewer"])
    give_role(Role.objects.get(slug="manager"), visitor)
    tab = page_client(make_user("officer", role.slug)).get(f"/users/{visitor.pk}/access").text
    grants = {grant.role.slug: grant.pk for grant in visitor.role_grants.select_related("role")}
    assert f"/users/{visitor.pk}/grants/{grants['viewer']}" in tab
    assert f"/users/{visitor.pk}/grants/{grants['manager']}" not in tab
