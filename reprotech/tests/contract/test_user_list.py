"""Section 3 of the contract: the list of users, its filters, sorts and pages."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from accounts.models import User
from reprotech.testing.cast import make_user
from reprotech.testing.client import TIME, error_of

UNKNOWN_STATUS = (
    "Give one of: active, inactive, locked, invited, invitation_expired, pending, ended, must_change_password."
)


def usernames(caller, query=""):
    response = caller.get(f"/api/users{query}")
    assert response.status_code == 200, response.content
    return [user["username"] for user in response.json()["users"]]


def refused(caller, query):
    response = caller.get(f"/api/users{query}")
    assert response.status_code == 400
    return error_of(response)["errors"]


@pytest.fixture
def people(cast):
    """The cast, and a few people with names."""
    make_user("anna", "researcher", first_name="Anna", last_name="Ångström", email="a.berg@clinic.example")
    make_user("bert", "researcher", "viewer", first_name="Bert", last_name="van Dijk", is_active=False)
    make_user("Cleo", first_name="Cleo", last_name="Zimmer")
    User.objects.filter(username="Cleo").update(locked_at=timezone.now())
    make_user("dora", first_name="Dora", last_name="Zimmer")


@pytest.mark.parametrize("path", ["/api/users", "/api/users/"])
def test_the_list_shows_users_by_pages_of_ten(cast, super_admin, path):
    for number in range(4):
        make_user(f"user-{number}")
    body = super_admin.get(path).json()
    users = body.pop("users")
    assert body == {"total": 12, "page": 1, "per_page": 10, "pages": 2}
    assert [user["username"] for user in users][:2] == ["the-super_admin", "the-admin"]
    assert len(users) == 10
    assert users[0] == {
        "id": cast.super_admin.pk,
        "username": "the-super_admin",
        "email": "the-super_admin@lab.example",
        "first_name": "",
        "last_name": "",
        "is_active": True,
        "is_locked": False,
        "status": "active",
        "starts_at": None,
        "ends_at": None,
        "roles": ["Super Administrator"],
        "is_service": False,
        "must_change_password": False,
        "must_add_factor": False,
        "has_second_factor": False,
        "invited_at": None,
        "invitation_expires_at": None,
        "last_login": None,
        "created_at": TIME,
        "updated_at": TIME,
    }


def test_pages_join_without_a_gap_or_an_overlap(people, super_admin):
    everybody = usernames(super_admin, "?per_page=100")
    pages = [usernames(super_admin, f"?per_page=5&page={page}") for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [name for page in pages for name in page] == everybody


@pytest.mark.parametrize("page", ["3", "1000000000", "999999999999999999"])
def test_a_page_past_the_end_is_empty(cast, super_admin, page):
    body = super_admin.get(f"/api/users?per_page=4&page={page}").json()
    assert body == {"users": [], "total": 8, "page": int(page), "per_page": 4, "pages": 2}


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("ANNA", ["anna"]),
        ("a.berg@CLINIC", ["anna"]),
        ("ÅNGSTRÖM", ["anna"]),
        ("anna ångström", ["anna"]),
        ("Bert van", ["bert"]),
        ("zimmer", ["Cleo", "dora"]),
        ("%", []),
        ("_iewer", []),
        ("'; DROP TABLE users; --", []),
        ("nobody at all", []),
    ],
)
def test_search_covers_username_email_and_full_name_whatever_the_case(people, super_admin, term, found):
    response = super_admin.get(f"/api/users?search={quote(term)}")
    assert [user["username"] for user in response.json()["users"]] == found


@pytest.mark.parametrize("role", ["Researcher", "researcher", "RESEARCHER"])
def test_role_takes_the_name_or_the_slug(people, super_admin, role):
    assert usernames(super_admin, f"?role={role}") == ["the-researcher", "anna", "bert"]


def test_admin_finds_administrator_and_no_super_administrator(people, super_admin):
    assert usernames(super_admin, "?role=admin") == usernames(super_admin, "?role=Administrator") == ["the-admin"]
    assert usernames(super_admin, "?role=Super%20Administrator") == ["the-super_admin"]


def test_a_role_that_is_unknown_finds_nobody(people, super_admin):
    assert super_admin.get("/api/users?role=emperor").json() == {
        "users": [],
        "total": 0,
        "page": 1,
        "per_page": 10,
        "pages": 0,
    }


def test_status_tells_active_inactive_and_locked_apart(people, super_admin):
    assert usernames(super_admin, "?status=inactive") == ["bert"]
    assert usernames(super_admin, "?status=locked") == ["Cleo"]
    active = usernames(super_admin, "?status=active&per_page=100")
    assert (len(active), {"bert", "Cleo"} & set(active)) == (10, set())


def test_filters_narrow_together(people, super_admin):
    assert usernames(super_admin, "?role=researcher&status=active&search=an") == ["anna"]
    assert super_admin.get("/api/users?role=researcher&status=active&search=an").json()["total"] == 1


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("id", "the-super_admin", "dora"),
        ("username", "anna", "the-viewer"),
        ("email", "anna", "the-viewer"),
        ("is_active", "bert", "dora"),
        ("created_at", "the-super_admin", "dora"),
        ("updated_at", "dora", "the-super_admin"),
    ],
)
def test_every_sort_goes_both_ways(people, super_admin, sort, first, last):
    User.objects.filter(username="dora").update(updated_at=timezone.now() - timedelta(days=1))
    User.objects.filter(username="the-super_admin").update(updated_at=timezone.now() + timedelta(days=1))
    up = usernames(super_admin, f"?sort={sort}&per_page=100")
    down = usernames(super_admin, f"?sort=-{sort}&per_page=100")
    assert (up[0], up[-1]) == (first, last)
    assert (down[0] == last) or sort == "is_active"
    assert (down[-1] == first) or sort == "is_active"
    assert set(up) == set(down)


def test_names_sort_whatever_the_case_and_ties_by_id(people, super_admin):
    assert usernames(super_admin, "?sort=-last_name&search=zimmer") == ["Cleo", "dora"]
    assert usernames(super_admin, "?sort=last_name&per_page=100")[8:11] == ["bert", "Cleo", "dora"]
    assert usernames(super_admin, "?sort=-first_name")[:4] == ["dora", "Cleo", "bert", "anna"]
    assert usernames(super_admin, "?sort=username")[:4] == ["anna", "bert", "Cleo", "dora"]


@pytest.mark.parametrize(("sort", "first"), [("last_login", "anna"), ("-last_login", "dora")])
def test_who_never_signed_in_comes_last_either_way(people, super_admin, sort, first):
    User.objects.filter(username="anna").update(last_login=timezone.now() - timedelta(days=2))
    User.objects.filter(username="dora").update(last_login=timezone.now())
    found = usernames(super_admin, f"?sort={sort}&per_page=100")
    assert found[0] == first
    assert set(found[:2]) == {"anna", "dora"}


NUMBERS = "Give a whole number from 1 to 100."


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("?per_page=0", {"per_page": [NUMBERS]}),
        ("?per_page=101", {"per_page": [NUMBERS]}),
        ("?per_page=ten", {"per_page": [NUMBERS]}),
        ("?per_page=%D9%A1", {"per_page": [NUMBERS]}),  # an Arabic digit
        ("?page=0", {"page": ["Give a whole number of at least 1."]}),
        ("?page=-1", {"page": ["Give a whole number of at least 1."]}),
        ("?page=1.5", {"page": ["Give a whole number of at least 1."]}),
        ("?status=deleted", {"status": [UNKNOWN_STATUS]}),
        ("?roles=admin", {"roles": ["There is no such parameter."]}),
        ("?page=1&page=2", {"page": ["Give it once only."]}),
    ],
)
def test_a_parameter_that_is_wrong_unknown_or_repeated_is_named(cast, super_admin, query, errors):
    assert refused(super_admin, query) == errors


@pytest.mark.parametrize("sort", ["password", "roles", "--id", "id,username", "search_text"])
def test_sorting_by_anything_else_is_refused(cast, super_admin, sort):
    assert refused(super_admin, f"?sort={sort}")["sort"][0].startswith("Sort by one of: id, -id, username,")


def test_a_blank_parameter_counts_as_not_given(cast, super_admin):
    assert len(usernames(super_admin, "?page=&per_page=&search=&role=&status=&sort=")) == 8
