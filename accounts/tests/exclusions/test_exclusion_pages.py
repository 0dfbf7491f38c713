"""The pages of exclusions, all without JavaScript: list, form, one exclusion, who holds both, exceptions."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.exclusions import exception_services
from accounts.models import Exclusion, ExclusionException, RoleGrant, User
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client


@pytest.fixture
def browser(cast):
    """The Super Administrator's."""
    return page_client(cast.super_admin)


@pytest.fixture
def admins_browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


@pytest.fixture
def readers_browser(cast):
    """The Manager's, who reads roles and users."""
    return page_client(cast.manager)


def text_of(response):
    return response.content.decode()


def main_of(response):
    return text_of(response).partition("<main")[2].partition("</main>")[0]


def fields(**changes):
    sets = {"set_a": ["lab_test_create"], "set_b": ["lab_test_approve", "Viewer"]}
    return {"name": "Tests", "purpose": "Four eyes.", "mode": "refuse", **sets, **changes}


def test_the_empty_page_offers_suggestions_that_fill_the_form(browser, readers_browser):
    page = main_of(browser.get("/exclusions"))
    assert page.count("Start with this") == 2
    assert "Start with this" not in main_of(readers_browser.get("/exclusions"))
    form = main_of(browser.get("/exclusions/new?suggestion=tests"))
    assert 'value="Entering and approving tests"' in form
    assert form.count("checked") == 4  # the mode, two permissions, and one
    assert browser.get("/exclusions/new?suggestion=nothing-like-that").status_code == 200


def test_creating_says_how_many_hold_both_and_leads_to_the_page(browser, cast):
    page = browser.post("/exclusions/new", fields(), follow=True)
    exclusion = Exclusion.objects.get()
    assert page.redirect_chain == [(f"/exclusions/{exclusion.pk}", 302)]
    assert "1 person holds both sets now, and keeps them until someone takes them." in text_of(page)
    assert (exclusion.reason, exclusion.set_b) == ("Four eyes.", ["Viewer", "lab_test_approve"])
    assert "the-admin" in main_of(page)
    listed = main_of(browser.get("/exclusions"))
    assert f'href="/exclusions/{exclusion.pk}"' in listed


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "Enter the name."),
        ({"set_a": []}, "Tick at least one role or permission."),
        ({"set_a": ["nothing"]}, "nothing is not one of the available choices"),
        ({"set_a": ["Viewer"]}, "In both sets: Viewer. Leave it in one."),
        ({"mode": "maybe"}, "maybe is not one of the available choices"),
    ],
)
def test_a_refused_form_keeps_what_was_ticked(browser, change, sentence):
    response = browser.post("/exclusions/new", fields(**change))
    page = main_of(response)
    assert response.status_code == 422
    assert sentence in page
    assert 'value="lab_test_approve"\n' in page
    assert not Exclusion.objects.exists()


def test_an_edit_conflict_shows_what_changed_meanwhile(browser, exclude):
    exclusion = exclude()
    page = text_of(browser.get(f"/exclusions/{exclusion.pk}/edit"))
    version = page.partition('name="version" value="')[2].partition('"')[0]
    exclusion.mode = "warn"
    exclusion.save()
    response = browser.post(f"/exclusions/{exclusion.pk}/edit", fields(version=version))
    assert response.status_code == 422
    assert "while you were editing" in text_of(response)
    saved = browser.post(f"/exclusions/{exclusion.pk}/edit", fields(), follow=True)
    assert "Exclusion Tests saved. " in text_of(saved)


def test_readers_see_no_button_that_changes(readers_browser, exclude):
    exclusion = exclude()
    for path in ("/exclusions", f"/exclusions/{exclusion.pk}", "/exclusions/violations"):
        page = main_of(readers_browser.get(path))
        assert "/edit" not in page
        assert "/exceptions/new" not in page
        assert "/exclusions/new" not in page


def test_who_holds_both_is_a_page_and_a_fragment(browser, exclude, cast):
    exclude()
    page, part = "/exclusions/violations", {"HX-Request": "true"}
    whole, fragment = browser.get(page), browser.get(page, headers=part)
    assert "<main" in text_of(whole)
    assert "<main" not in text_of(fragment)
    for response in (whole, fragment):
        assert "the-admin" in text_of(response)
        assert "the-super_admin" not in main_of(response)
    assert browser.get(f"{page}?page=0").status_code == 422
    assert "There is nothing on this page any more." in text_of(browser.get(f"{page}?page=7"))


@pytest.mark.parametrize("count", [3, 60])
def test_lists_take_the_same_number_of_queries_for_few_and_many(
    browser, exclude, count, django_assert_max_num_queries, cast
):
    exclusions = [exclude(name=f"Tests {number}") for number in range(min(count, 12))]
    users = User.objects.bulk_create(User(username=f"u-{n:03}", email=f"u-{n}@lab.example") for n in range(count))
    for slug in ("researcher", "manager"):
        role = getattr(cast, slug).roles.get()
        RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role) for user in users)
    for path, limit in (
        ("/exclusions", 16),
        ("/exclusions/violations?per_page=100", 17),
        (f"/exclusions/{exclusions[0].pk}", 23),
    ):
        with django_assert_max_num_queries(limit):
            page = main_of(browser.get(path))
        assert str(count + 1) in page or "u-00" in page


def test_an_exception_is_asked_for_approved_and_withdrawn(browser, admins_browser, exclude, cast):
    exclusion = exclude()
    address = f"/exclusions/{exclusion.pk}"
    form = admins_browser.get(f"{address}/exceptions/new?user=the-viewer")
    assert 'value="the-viewer"' in text_of(form)
    last_day = (timezone.now() + timedelta(days=3)).date()
    sent = {"user": "the-viewer", "reason": "Illness.", "ends_at": f"{last_day}"}
    page = admins_browser.post(f"{address}/exceptions/new", sent, follow=True)
    assert "It counts once a second person approves it." in text_of(page)
    exception = ExclusionException.objects.get()
    assert exception.ends_at.date() == last_day + timedelta(days=1)
    approve = f"{address}/exceptions/{exception.pk}/approve"
    assert approve not in main_of(page)
    assert "Someone else has to approve this" in text_of(admins_browser.get(approve))
    assert "second person has to approve" in text_of(admins_browser.post(approve))
    assert approve in main_of(browser.get(address))
    assert "In force" in main_of(browser.post(approve, follow=True))
    withdrawn = admins_browser.post(f"{address}/exceptions/{exception.pk}/withdraw", follow=True)
    assert "Exception for the-viewer withdrawn." in text_of(withdrawn)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ends_at": "2027-02-30"}, "Enter a day that exists"),
        ({"ends_at": "2001-01-01"}, "This is in the past."),
        ({"ends_at": "9999-12-31"}, "Give a day from the year 1900 to 2999."),
        ({"ends_at": ""}, "Choose the last day."),
        ({"user": "nobody-here"}, "There is no user of this name."),
        ({"reason": " "}, "Enter the reason."),
    ],
)
def test_a_refused_exception_says_what_to_do(browser, exclude, change, sentence):
    day = (timezone.now() + timedelta(days=3)).date()
    sent = {"user": "the-viewer", "reason": "Illness.", "ends_at": f"{day}", **change}
    response = browser.post(f"/exclusions/{exclude().pk}/exceptions/new", sent)
    assert response.status_code == 422
    assert sentence in text_of(response)


def test_an_exceptions_page_of_another_exclusion_is_not_found(browser, exclude, cast):
    first, second = exclude(), exclude(name="Second")
    exception = exception_services.ask_for_exception(
        actor=cast.admin,
        exclusion_id=first.pk,
        user="the-viewer",
        reason="Illness.",
        ends_at=timezone.now() + timedelta(days=1),
    )
    assert browser.get(f"/exclusions/{second.pk}/exceptions/{exception.pk}/approve").status_code == 404


# Where rights change


def test_a_refused_change_of_roles_is_shown_above_the_form(browser, exclude, cast):
    exclude()
    response = browser.post(f"/users/{cast.viewer.pk}/roles", {"roles": ["researcher", "manager"]})
    assert response.status_code == 422
    assert "which the exclusion “Tests” refuses." in text_of(response)


def test_a_warning_stands_above_the_next_page(browser, exclude, cast):
    exclude(mode="warn")
    page = browser.post(f"/users/{cast.viewer.pk}/roles", {"roles": ["researcher", "manager"]}, follow=True)
    assert page.status_code == 200
    assert "which the exclusion “Tests” warns of." in text_of(page)
    assert "warns of" not in text_of(browser.get(f"/users/{cast.viewer.pk}/access"))


def test_a_refused_change_of_a_role_is_shown_above_its_form(browser, exclude, make_role):
    plain = make_role("Plain", "animal_read")
    make_user("both", "Researcher", "Plain")
    exclude()
    sent = {"name": "Plain", "permissions": ["animal_read", "lab_test_approve"]}
    response = browser.post(f"/roles/{plain.pk}/edit", sent)
    assert response.status_code == 422
    assert "both would hold" in text_of(response)
    assert plain.permission_names == ["animal_read"]


def test_those_whom_it_binds_are_shown_no_button_that_weakens_it_and_why(exclude, make_role, cast):
    make_role("Role Keeper", "role_read", "role_update", "lab_test_create")
    make_role("Plain Keeper", "role_read", "role_update")
    exclusion, free = exclude(), exclude(set_a="animal_read", set_b="report_export", name="Free")
    keeper = page_client(make_user("keeper", "Role Keeper"))
    why = "This exclusion binds you: you hold lab_test_create."
    page = main_of(keeper.get(f"/exclusions/{exclusion.pk}"))
    assert why in page
    assert "Edit</a>" in page
    assert "/delete" not in page
    question = main_of(keeper.get(f"/exclusions/{exclusion.pk}/delete"))
    assert why in question
    assert "Delete exclusion</button>" not in question
    form = main_of(keeper.get(f"/exclusions/{exclusion.pk}/edit"))
    assert why in form
    assert "Warn:" not in form
    refused = keeper.post(f"/exclusions/{exclusion.pk}/edit", fields(mode="warn", set_b=["lab_test_approve"]))
    assert refused.status_code == 422
    assert keeper.post(f"/exclusions/{exclusion.pk}/delete").status_code == 422
    # Those whom it doesn't bind, and what doesn't bind them.
    others = page_client(make_user("other", "Plain Keeper"))
    for browser, subject in ((others, exclusion), (keeper, free)):
        for address in ("", "/delete", "/edit"):
            assert "binds you" not in main_of(browser.get(f"/exclusions/{subject.pk}{address}"))
        assert f"/exclusions/{subject.pk}/delete" in main_of(browser.get(f"/exclusions/{subject.pk}"))
        assert "Warn:" in main_of(browser.get(f"/exclusions/{subject.pk}/edit"))
    assert "binds you" not in main_of(page_client(cast.manager).get(f"/exclusions/{exclusion.pk}"))
