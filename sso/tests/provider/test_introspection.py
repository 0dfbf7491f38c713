"""What a token stands for, for its application and for `/api/auth/introspect`."""

import pytest

from accounts.models import Permission
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.client import Caller, page_client
from sso.tests.support.program import change

pytestmark = pytest.mark.django_db


@pytest.fixture
def permissions(cast):
    """Of two applications, all held by the researcher; one is retired."""
    with explicitly_recorded():
        for slug, resource in (("grafana", "panel"), ("grafana", "old"), ("lims", "panel")):
            found = Permission.objects.create(
                name=f"{slug}.{resource}_read", resource=resource, action="read", application_slug=slug
            )
            cast.researcher.roles.get().permissions.add(found)
        Permission.objects.filter(name="grafana.old_read").update(retired_at=found.created_at)


def ask_the_api(cast, token):
    response = Caller(cast.stranger).post("/api/auth/introspect", {"token": token})
    assert response.status_code == 200
    return response.json()


def test_an_application_learns_its_own_permissions_alone(program, browser, permissions):
    tokens = program.tokens(browser)
    told = program.call("/oauth/introspect", token=tokens["access_token"]).json()
    assert told["permissions"] == ["panel_read"]
    assert told["permissions"] == program.claims(tokens["id_token"])["permissions"]
    assert told["permissions"] == program.userinfo(tokens["access_token"]).json()["permissions"]
    assert told["client_id"] == told["aud"] == program.application.client_id
    assert told["username"] == "the-researcher"
    assert told["exp"] > told["iat"]


def test_with_openid_alone_nothing_says_who_the_person_is(program, browser, cast):
    token = program.tokens(browser, scope="openid")["access_token"]
    told = [program.call("/oauth/introspect", token=token).json(), ask_the_api(cast, token)]
    assert all(answer["active"] and answer["sub"] for answer in told)
    assert not [name for answer in told for name in ("username", "user_id", "email", "name") if name in answer]
    assert not any("researcher" in str(answer).lower() for answer in told)


def test_a_role_that_is_taken_shows_at_the_next_question(program, browser, permissions, cast):
    token = program.tokens(browser)["access_token"]
    cast.researcher.roles.clear()
    told = program.call("/oauth/introspect", token=token).json()
    assert (told["active"], told["roles"], told["permissions"]) == (True, [], [])


def test_the_api_knows_the_token_and_gives_it_no_permission_of_reprotech(program, browser, permissions, cast):
    told = ask_the_api(cast, program.tokens(browser)["access_token"])
    assert (
        told.items()
        >= {
            "active": True,
            "username": "the-researcher",
            "user_id": cast.researcher.pk,
            "is_service": False,
            "roles": ["Researcher"],
            "permissions": ["panel_read"],
            "token_type": "application_token",
            "client_id": program.application.client_id,
        }.items()
    )
    told = ask_the_api(cast, program.tokens(browser, scope="openid")["access_token"])
    assert (told["roles"], told["permissions"]) == ([], [])


def test_the_api_says_inactive_of_all_others(program, browser, cast):
    tokens = program.tokens(browser)
    for token in (tokens["refresh_token"], tokens["id_token"], "rpo_", "rpo_" + "0" * 64, "rpo_ä"):
        assert ask_the_api(cast, token) == {"active": False}
    change(cast.researcher, locked_at=cast.researcher.created_at)
    assert ask_the_api(cast, tokens["access_token"]) == {"active": False}


def test_the_token_of_an_application_opens_nothing_of_the_api(program, browser):
    token = program.tokens(browser)["access_token"]
    assert Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401


def test_the_number_of_queries_is_the_same_for_many(program, cast, django_assert_max_num_queries):
    tokens = [program.tokens(page_client(user))["access_token"] for user in (cast.viewer, cast.researcher)]
    with django_assert_max_num_queries(6):
        program.userinfo(tokens[0])
