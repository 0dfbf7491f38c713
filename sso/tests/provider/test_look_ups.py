"""What each call of a program looks up costs the same at ten sign-ins and at ten thousand."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reprotech.testing.client import page_client
from sso.models import AppSignIn

pytestmark = pytest.mark.django_db


@pytest.mark.only_on("sqlite")  # PostgreSQL reads a small table as a whole
@pytest.mark.parametrize("column", ["code_hash", "access_hash", "refresh_hash"])
def test_a_code_or_token_is_found_by_its_index(column):
    plan = AppSignIn.objects.valid().filter(**{column: "0" * 64}).explain()
    assert f"app_sign_in_{column.removesuffix('_hash')}" in plan, plan


def queries(call):
    with CaptureQueriesContext(connection) as captured:
        assert call().status_code < 400
    return len(captured.captured_queries)


def test_the_number_of_queries_is_the_same_for_one_person_and_for_many(program, browser, cast):
    def counted():
        token = program.tokens(browser)
        return [
            queries(lambda: program.authorize(browser)),
            queries(lambda: program.userinfo(token["access_token"])),
            queries(lambda: program.refresh(token["refresh_token"])),
        ]

    counted()
    few = counted()
    for user in (cast.viewer, cast.manager, cast.admin):
        others = page_client(user)
        for _ in range(5):
            program.tokens(others)
    assert counted() == few
    assert all(count <= most for count, most in zip(few, (8, 3, 9), strict=True)), few
