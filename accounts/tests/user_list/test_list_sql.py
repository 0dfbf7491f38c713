"""What PostgreSQL writes of users is what the API says elsewhere."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.common.serializers import UserAnswer
from accounts.models import Role, User
from accounts.models.users import build_search_text
from accounts.user_list import page_index
from accounts.user_list.filters import UserFilter
from reprotech.api.serialization import serialize_many
from reprotech.core.process_cache import process_cache
from reprotech.testing.client import Caller
from reprotech.web import estimated_counts

pytestmark = [pytest.mark.django_db, pytest.mark.only_on("postgresql")]
#: What is easily written wrong: in JSON, in SQL, and in formats.
HOSTILE = 'O\'Neil "Q" \\ %s {0} <b> \u2028 \u00e9\u4e2d\U0001f52c $1 \t'


@pytest.fixture
def hostile(cast):
    """The cast, with users of awkward values."""
    User.objects.filter(pk=cast.viewer.pk).update(
        first_name=HOSTILE,
        last_name=HOSTILE,
        search_text=build_search_text("the-viewer", HOSTILE),
        last_login=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        is_active=False,
    )
    User.objects.filter(pk=cast.manager.pk).update(
        locked_at=datetime(2026, 1, 2, tzinfo=UTC), last_login=datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC)
    )
    cast.viewer.roles.set(Role.objects.all())
    cast.admin.roles.clear()
    User.objects.filter(pk__in=[cast.stranger.pk, cast.researcher.pk]).update(is_service=True)
    return cast


def usual(asked, actor):
    page = asked.page_of(User.objects.visible_to(actor).with_role_rows())
    return page.as_dict("users", lambda rows: serialize_many(UserAnswer, rows))


QUERIES = [
    "",
    "per_page=3",
    "per_page=3&page=2",
    "sort=-last_login",
    "sort=username&page=2&per_page=4",
    "status=locked",
    "status=inactive",
    "search=the-",
    "search=the-&sort=-username&per_page=2&page=2",
    "search=THE-v",
    "search=e-",
    "search=the-&sort=-last_login",
    "search=the-&sort=last_login&per_page=3&page=2",
    "search=the-m&status=locked",
    "search=%25s%20%7B0%7D",
    "role=viewer",
    "role=Viewer&sort=-id",
    "role=lab_technician&sort=last_login",
    "role=viewer&status=inactive",
    "role=researcher&search=THE-&sort=username",
    "kind=person&per_page=3&page=2",
    "kind=person&sort=-username",
    "kind=service",
    "kind=service&status=active&sort=email",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_page_says_the_same_as_the_answers_of_its_users(hostile, super_admin, query):
    answers = [super_admin.get(f"/api/users?{query}") for _ in range(2)]
    asked = UserFilter.parse_cached(query)
    expected = usual(asked, hostile.super_admin)
    assert expected["users"]
    assert [answer.json() for answer in answers] == [expected, expected]
    assert list(answers[0].json()["users"][0]) == list(expected["users"][0]), "in the same order"
    assert any(name.endswith(f" {query}") for name in vars(process_cache)["_cache"]), "this is what was to be tested"


# That no role requires a second factor, Django sees without asking the database.
@pytest.mark.parametrize("query", ["attention=no_factor", "role=viewer&attention=no_factor", "status=ended"])
def test_a_page_of_nobody_is_empty(super_admin, query):
    answer = super_admin.get(f"/api/users?{query}")
    assert (answer.status_code, answer.json()["users"], answer.json()["total"]) == (200, [], 0)


def test_what_ends_before_a_moment_is_found_among_accounts_and_roles(super_admin, cast):
    ends_at = datetime(2089, 12, 31, tzinfo=UTC)
    User.objects.filter(pk=cast.viewer.pk).update(ends_at=ends_at)
    cast.manager.role_grants.update(ends_at=ends_at)
    answers = [super_admin.get(f"/api/users?ends_before=2090-01-01{more}").json() for more in ("", "&role=viewer")]
    found = [{user["username"] for user in answer["users"]} for answer in answers]
    assert found == [{cast.viewer.username, cast.manager.username}, {cast.viewer.username}]
    assert answers[0] == usual(UserFilter.parse_cached("ends_before=2090-01-01"), cast.super_admin)


def test_a_remembered_statement_sees_what_changed(super_admin, cast):
    assert super_admin.get("/api/users?status=locked").json()["users"] == []
    User.objects.filter(pk=cast.viewer.pk).update(locked_at=datetime(2026, 1, 2, tzinfo=UTC), first_name="New")
    found = super_admin.get("/api/users?status=locked").json()
    assert [(user["username"], user["first_name"]) for user in found["users"]] == [("the-viewer", "New")]
    assert found["total"] == 1
    cast.viewer.roles.set(Role.objects.filter(slug="manager"))
    assert super_admin.get("/api/users?status=locked").json()["users"][0]["roles"] == ["Manager"]


def test_a_role_is_the_one_that_has_the_name_now(super_admin, cast):
    asked = "/api/users?role=Viewer"
    assert [user["username"] for user in super_admin.get(asked).json()["users"]] == ["the-viewer"]
    Role.objects.filter(slug="viewer").update(name="Guest", slug="guest")
    assert super_admin.get(asked).json()["users"] == []
    Role.objects.filter(slug="manager").update(name="Viewer")
    assert [user["username"] for user in super_admin.get(asked).json()["users"]] == ["the-manager"]
    cast.admin.roles.add(Role.objects.get(slug="manager"))
    assert super_admin.get(asked).json()["total"] == 2


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize("sort", ["", "-id", "username"])
@pytest.mark.parametrize("query", ["role=viewer", "role=viewer&status=active", "role=viewer&search=lab", "kind=person"])
def test_more_of_a_role_or_a_kind_than_are_counted(super_admin, cast, monkeypatch, query, sort, page):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 3)
    for user in (cast.admin, cast.manager, cast.lab_technician, cast.veterinarian):
        user.roles.add(Role.objects.get(slug="viewer"))
    query = f"{query}&sort={sort}&page={page}&per_page=2"
    expected = usual(UserFilter.parse_cached(query), cast.super_admin)
    assert bool(expected["users"]) == (page <= 3 or query.startswith("kind"))
    assert super_admin.get(f"/api/users?{query}").json() == expected
    process_cache.clear()
    assert super_admin.get(f"/api/users?{query}").json() == expected


def test_everybody_who_may_read_users_sees_the_same_ones(cast):
    """Statements are remembered for all callers alike: with scopes, each scope needs its own."""
    assert len({str(User.objects.visible_to(actor).query) for actor in User.objects.all()}) == 1


def test_who_may_not_read_users_gets_none_that_others_asked_for(super_admin, anonymous, cast):
    stranger = Caller(cast.stranger)
    assert super_admin.get("/api/users").status_code == 200
    assert stranger.get("/api/users").status_code == 403
    assert anonymous.get("/api/users").status_code == 401


@pytest.mark.parametrize(
    "query", ["sort=email", "search=the-", "search=nobody", "kind=person", "kind=service&sort=email"]
)
def test_a_page_is_one_statement_and_so_is_a_search(super_admin, query):
    super_admin.get(f"/api/users?{query}")
    with CaptureQueriesContext(connection) as queries:
        super_admin.get(f"/api/users?{query}")
    assert len(queries) == 1


@pytest.mark.parametrize("query", ["role=viewer", "role=viewer&sort=email", "role=viewer&status=active&search=the-"])
def test_another_statement_tells_which_role_it_is(super_admin, cast, query):
    super_admin.get(f"/api/users?{query}")
    with CaptureQueriesContext(connection) as queries:
        super_admin.get(f"/api/users?{query}")
    assert len(queries) == 2


@pytest.mark.parametrize("sort", ["", "-last_login", "first_name"])
def test_a_page_far_down_says_the_same_and_is_one_statement(hostile, super_admin, monkeypatch, sort):
    monkeypatch.setattr(page_index, "MIN_POSITION", 4)
    monkeypatch.setattr(page_index, "STEP", 2)
    page_index.refresh()
    query = f"sort={sort}&per_page=2&page=3"
    expected = usual(UserFilter.parse_cached(query), hostile.super_admin)
    assert len(expected["users"]) == 2
    super_admin.get("/api/users")
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert super_admin.get(f"/api/users?{query}").json() == expected
        assert len(queries) == 1
    assert super_admin.get("/api/users?per_page=2&page=99").json()["users"] == []


@pytest.mark.parametrize("page", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("sort", ["", "-last_login"])
def test_a_search_that_finds_more_than_are_counted_says_the_same(hostile, super_admin, monkeypatch, page, sort):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 3)
    query = f"search=lab.example&per_page=2&page={page}&sort={sort}"
    expected = usual(UserFilter.parse_cached(query), hostile.super_admin)
    assert expected.get("total_is_exact", True) == (page >= 4)
    assert super_admin.get(f"/api/users?{query}").json() == expected
    process_cache.clear()
    assert super_admin.get(f"/api/users?{query}").json() == expected


def test_a_search_that_finds_nobody_and_a_page_past_the_end_are_answered(super_admin, cast):
    assert super_admin.get("/api/users?search=nobody").json() == {
        "users": [], "total": 0, "page": 1, "per_page": 10, "pages": 0,
    }  # fmt: skip
    body = super_admin.get("/api/users?search=the-&page=9").json()
    assert (body["users"], body["total"], body["pages"]) == ([], User.objects.search("the-").count(), 1)


def test_what_is_typed_is_never_taken_for_a_part_of_the_statement(super_admin, cast, monkeypatch):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 1)
    marker = "'page' $1 {found} %s"
    User.objects.filter(pk__in=[cast.viewer.pk, cast.admin.pk, cast.manager.pk]).update(search_text=f"x {marker} y")
    answer = super_admin.get(f"/api/users?{urlencode({'search': marker})}&per_page=2")
    assert answer.status_code == 200
    assert len(answer.json()["users"]) == 2
