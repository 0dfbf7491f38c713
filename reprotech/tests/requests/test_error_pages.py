"""Error pages that say what is the matter and what to do, also when nothing else works."""

from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.models import Session
from reprotech.testing.client import REQUEST_ID, page_client


def text_of(response):
    return response.content.decode()


def test_a_denied_page_names_the_permission_in_words_and_whom_to_ask(cast):
    response = page_client(cast.viewer).get("/users")
    assert response.status_code == 403
    page = text_of(response)
    assert "You lack the permission “Read users” (user_read)." in page
    assert "ask an administrator of your lab" in page
    assert 'id="sidebar"' in page
    assert 'href="/profile"' in page


def test_django_admin_says_whom_it_opens_for(cast):
    assert "opens for Super Administrators alone" in text_of(page_client(cast.admin).get("/admin/"))


@pytest.mark.parametrize("signed_in", [True, False])
def test_an_address_where_nothing_is_keeps_the_shell_of_the_signed_in(cast, signed_in):
    browser = page_client(cast.viewer) if signed_in else Client()
    response = browser.get("/nothing-here")
    assert response.status_code == 404
    assert "Page not found" in text_of(response)
    assert ('id="sidebar"' in text_of(response)) is signed_in
    assert ('<span aria-current="page">Page not found</span>' in text_of(response)) is signed_in
    assert ('href="/login"' in text_of(response)) is not signed_in


@pytest.mark.parametrize(
    ("failure", "status", "sentence"),
    [
        (OperationalError("gone"), 503, "Reprotech is not available right now"),
        (ValueError("a mistake of ours"), 500, "Something went wrong on our side"),
    ],
)
def test_a_failure_is_a_page_that_asks_the_database_for_nothing(cast, failure, status, sentence):
    browser = page_client(cast.viewer)
    browser.cookies["reprotech_scheme"] = "dark"
    with patch.object(Session.objects, "with_grants", side_effect=failure):
        response = browser.get("/profile?page=2")
    assert response.status_code == status
    page = text_of(response)
    assert sentence in page
    assert str(failure) not in page
    assert 'data-bs-theme="dark"' in page
    assert 'href="/profile?page=2"' in page
    assert response["X-Request-ID"] == REQUEST_ID
    assert response["X-Request-ID"] in page
    assert response.get("Retry-After") == ("30" if status == 503 else None)


def test_a_failed_post_is_not_offered_again(cast):
    browser = page_client(cast.viewer)
    with patch.object(Session.objects, "with_grants", side_effect=OperationalError("gone")):
        assert "Try again</a>" not in text_of(browser.post("/logout"))


def test_a_failure_is_json_to_a_program(cast):
    browser = page_client(cast.viewer)
    with patch.object(Session.objects, "with_grants", side_effect=OperationalError("gone")):
        response = browser.get("/api/auth/me")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


def test_django_admin_wears_our_colours_in_the_chosen_scheme_and_leads_back(cast):
    browser = page_client(cast.super_admin)
    page = text_of(browser.get("/admin/"))
    assert '<meta name="color-scheme" content="light dark">' in page
    assert 'href="/">Back to Reprotech' in page
    assert "theme.js" not in page
    for scheme in ("light", "dark"):
        browser.post("/scheme", {"scheme": scheme})
        assert f'<meta name="color-scheme" content="{scheme}">' in text_of(browser.get("/admin/"))
