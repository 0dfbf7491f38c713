"""The search over everything: what it finds, and for whom."""

from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.users import people_search
from accounts.users.services import create_user
from audit.models import AuditLog
from reprotech.testing.client import page_client
from sso.tests.support.sign_ins import make_application

JSON = {"HTTP_ACCEPT": "application/json"}
EVERYTHING = set("people roles permissions applications pages settings actions documents events".split())
#: What each of the cast may find at all.
KINDS = {
    "super_admin": EVERYTHING,
    "admin": EVERYTHING,
    "manager": EVERYTHING,
    "researcher": {"pages", "actions", "documents"},
    "veterinarian": {"pages", "actions", "documents"},
    "lab_technician": {"pages", "actions", "documents"},
    "viewer": {"pages", "actions", "documents"},
    "stranger": {"pages", "actions", "documents"},
}
ON_BOTH = {"super_admin", "stranger"}


def text_of(response):
    return unescape(response.content.decode())


def find(client, text, **headers):
    response = client.get("/search", {"q": text}, **{**JSON, **headers})
    assert response.status_code == 200
    return {group["kind"]: group["results"] for group in response.json()["groups"]}


def titles(found, kind):
    return [result["title"] for result in found.get(kind, [])]


def person(username, first_name, last_name):
    values = {"first_name": first_name, "last_name": last_name, "email": f"{username}@lab.example"}
    return create_user(actor=SYSTEM, username=username, password="Correct-Horse-7", **values)


@pytest.fixture
def reader(cast):
    return page_client(cast.super_admin)


# What a role may open is decided by Python; that the queries run on both is seen by those who may most and least.
@pytest.mark.parametrize(
    "name",
    [name if name in ON_BOTH else pytest.param(name, marks=pytest.mark.only_on("postgresql")) for name in KINDS],
)
def test_each_role_finds_only_what_it_may_open(cast, name):
    make_application("Role Explorer")
    client = page_client(getattr(cast, name))
    # Each of these occurs in some result of every kind that the role may see.
    texts = ("", "a", "e", "role", "user", "the-viewer", "log", "permission", "1")
    found = {text: find(client, text) for text in texts}
    assert all(kinds.keys() <= KINDS[name] for kinds in found.values()), found
    assert {kind for text in ("a", "e", "role") for kind in found[text]} == KINDS[name]
    # Most come again and again.
    addresses = {result["url"] for kinds in found.values() for results in kinds.values() for result in results}
    assert {address: client.get(address).status_code for address in addresses} == dict.fromkeys(addresses, 200)


def test_people_are_found_by_any_part_of_their_names(reader):
    user = person("hugo.li", "Hugó", "Li")
    for text in ("hugo", "HUGÓ LI", "ugo.l", "hugo.li@lab"):
        assert {"title": "Hugó Li", "subtitle": "@hugo.li · hugo.li@lab.example"}.items() <= find(reader, text)[
            "people"
        ][0].items()
    assert find(reader, "hugo.li")["people"][0]["url"] == f"/users/{user.pk}"


def test_whose_very_username_was_typed_comes_first(reader):
    for number in range(8):
        person(f"lia-{number}", "Another", "Person")
    person("lia", "Exactly", "This")
    assert titles(find(reader, "lia"), "people")[0] == "Exactly This"
    assert len(find(reader, "lia")["people"]) == 6


def test_an_action_on_a_person_is_found_by_its_verb(reader, cast):
    user = person("hugo.li", "Hugo", "Li")
    assert find(reader, "lock hugo")["actions"][0] == {
        "title": "Lock Hugo Li",
        "subtitle": "@hugo.li",
        "url": f"/users/{user.pk}/lock",
        "initials": "HL",
        "tint": user.pk % 8,
    }
    assert titles(find(reader, "reset password of hugo"), "actions") == ["Reset password of Hugo Li"]
    # They may see people, and change none.
    assert titles(find(page_client(cast.manager), "lock hugo"), "actions") == []


def test_a_role_is_assigned_by_its_name_and_the_persons(reader, cast):
    user = person("hugo.li", "Hugo", "Li")
    for text in ("assign lab_technician to hugo", "give Laboratory Technician hugo.li"):
        found = find(reader, text)["actions"]
        assert [result["title"] for result in found] == ["Assign Laboratory Technician to Hugo Li"]
        assert found[0]["url"] == f"/users/{user.pk}/roles?assign=lab_technician"
    assert "actions" not in find(page_client(cast.manager), "assign viewer to hugo")
    assert "actions" not in find(page_client(cast.admin), "assign super_admin to hugo"), "they don't hold it"
    assert "actions" not in find(reader, f"assign viewer to {cast.viewer.username}"), "who has it already"


def test_a_user_is_invited_with_a_role_by_the_roles_name(reader, cast):
    for text in ("invite researcher", "invite a researcher", "invite a user as rese"):
        found = find(reader, text)["actions"][0]
        assert (found["title"], found["url"]) == ("Invite a user as Researcher", "/users/new?role=researcher")
    assert titles(find(page_client(cast.admin), "invite super"), "actions") == [], "they don't hold it"
    assert "actions" not in find(page_client(cast.manager), "invite researcher"), "they may create nobody"


def test_users_are_added_to_a_role_by_its_name(reader, cast):
    found = find(reader, "add users to viewer")["actions"]
    assert [result["title"] for result in found] == ["Add users to Viewer"]
    assert "actions" not in find(page_client(cast.manager), "add users to viewer")


def test_nobody_is_offered_an_action_on_someone_who_holds_more(cast):
    assert titles(find(page_client(cast.admin), f"lock {cast.super_admin.username}"), "actions") == []


def test_pages_and_actions_are_found_by_the_beginnings_of_their_words(reader):
    assert titles(find(reader, "lock"), "pages") == []  # and not the time zone, which is found by "clock"
    assert titles(find(reader, "clo"), "pages") == ["Time zone"]
    assert titles(find(reader, "factor two"), "pages") == ["Two-factor authentication"]


def test_an_event_is_found_by_its_number(reader):
    event = AuditLog.objects.latest("id")
    for text in (str(event.pk), f"#{event.pk}"):
        assert find(reader, text)["events"][0]["url"] == f"/audit/{event.pk}"
    assert titles(find(reader, "9" * 30), "events") == [f"Search the audit log for “{'9' * 30}”"]


@pytest.mark.parametrize(
    "text",
    [
        "%",
        "_",
        "'",
        '"',
        "\\",
        "\u202egnp",
        "\x00",
        "a\x00b",
        "x" * 10_000,
        "<script>alert(1)</script>",
        "é" * 300,
        "\U0001d51e",
        "&q=",
        " ",
    ],
)
def test_any_text_is_answered(reader, text):
    find(reader, text)
    page = reader.get("/search", {"q": text})
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


def test_a_percent_sign_is_searched_for_as_itself(reader):
    person("percent", "Ninety%", "Pure")
    assert titles(find(reader, "%"), "people") == ["Ninety% Pure"]
    assert titles(find(reader, "n_nety"), "people") == []


def test_the_page_shows_what_the_palette_shows(reader):
    person("hugo.li", "Hugo", "Li")
    page = text_of(reader.get("/search", {"q": "hugo"}))
    assert "Hugo Li" in page
    assert "Search the audit log for “hugo”" in page
    assert "Nothing matches" not in page


def test_a_page_without_results_says_so(cast):
    assert "Nothing matches “nobody-here”" in text_of(page_client(cast.viewer).get("/search", {"q": "nobody-here"}))


def test_browsers_keep_the_two_forms_apart(reader):
    assert "Accept" in reader.get("/search", {"q": "a"})["Vary"]


def test_the_queries_do_not_grow_with_what_is_found(reader, django_assert_max_num_queries):
    find(reader, "person")
    with django_assert_max_num_queries(14):
        find(reader, "person")
    for number in range(30):
        person(f"person-{number}", "Some", "Person")
    with django_assert_max_num_queries(14):
        find(reader, "person")
    with django_assert_max_num_queries(14):
        find(reader, "lock person")


def test_whose_name_begins_with_what_was_typed_comes_before_who_only_contains_it(reader):
    person("dr.hannah", "Johanna", "Abel")
    person("second", "Berta", "Anna-Lena")
    person("annabel", "Third", "Person")
    assert titles(find(reader, "anna"), "people") == ["Third Person", "Berta Anna-Lena", "Johanna Abel"]


def test_of_thousands_who_match_few_are_read_and_whose_name_it_is_all_the_same(reader, monkeypatch):
    monkeypatch.setattr(people_search, "MAX_RANKED", 3)
    for number in range(9):
        person(f"person-{number}", "Some", "Person")
    assert len(find(reader, "person")["people"]) == 3
    assert find(reader, "person-8")["people"][0]["subtitle"].startswith("@person-8 "), "it was typed whole"


@pytest.mark.only_on("sqlite")
def test_a_username_or_an_address_is_found_by_indexes(db):
    with CaptureQueriesContext(connection) as captured:
        assert User.objects.known_as("nobody") is None
    (query,) = [one["sql"] for one in captured]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        plan = [step for *_, step in cursor.fetchall()]
    assert not [step for step in plan if step.startswith("SCAN")], plan
