"""A program acts by itself, as its service account (RFC 6749, section 4.4)."""

import pytest

from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import UUID
from sso.models import Application, AppSignIn
from sso.tests.support.program import change, make_program

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(db, cast):
    return make_user("plate-reader", "lab_technician", is_service=True, password=None)


@pytest.fixture
def program(service):
    return make_program("Plate reader", slug="plates", service_account=service)


def ask(program, **sent):
    return program.call("/oauth/token", grant_type="client_credentials", **sent)


def test_it_gets_a_token_of_its_service_account(program, service):
    with audit_rows() as rows:
        tokens = ask(program).json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope"}
    assert tokens["scope"] == "roles permissions"
    assert [(row.action, row.username, row.resource_name) for row in rows] == [
        ("app_login", "plate-reader", "Plate reader")
    ]
    told = program.call("/oauth/introspect", token=tokens["access_token"]).json()
    assert told.items() >= {"active": True, "username": "plate-reader", "roles": ["lab_technician"]}.items()
    assert "sid" not in told
    assert told["sub"] == UUID
    assert told["client_id"] == program.application.client_id


def test_there_is_no_person_to_ask_about(program):
    tokens = ask(program, scope="openid roles").json()
    assert tokens["scope"] == "roles"
    assert program.userinfo(tokens["access_token"]).status_code == 403
    assert ask(program, scope="openid profile").json()["error"] == "invalid_scope"


def test_who_has_no_service_account_gets_none(program, cast):
    change(program.application, service_account=None)
    assert ask(program).json()["error"] == "unauthorized_client"
    public = make_program("Public", kind=Application.Kind.PUBLIC)
    assert ask(public).json()["error"] == "unauthorized_client"
    assert not AppSignIn.objects.exists()


def test_a_locked_service_account(program, service):
    tokens = ask(program).json()
    change(service, locked_at=service.created_at)
    assert program.call("/oauth/introspect", token=tokens["access_token"]).json() == {"active": False}
    assert ask(program).json()["error"] == "unauthorized_client"


def test_a_person_in_the_place_of_a_service_account(program, cast):
    change(program.application, service_account=cast.researcher)
    assert ask(program).json()["error"] == "unauthorized_client"
