"""A file that is read by what someone said about it: columns, days, words for roles; and usernames that it lacks."""

import pytest

from accounts.models import FormerUsername, Role
from accounts.users.csv.choices import FileChoices
from accounts.users.csv.import_users import ImportRow
from accounts.users.csv.parser import parse_users
from accounts.users.csv.usernames import fill_usernames, propose_usernames
from accounts.users.uniqueness import hash_usernames
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.cast import make_user

FILE = "Nr;Familie;Ruf;Post;Ab;Stelle\n7;Byron;Ada;ada@lab.example;03/04/2026;Laborantin\n"
COLUMNS = {"Nr": "", "Familie": "last_name", "Ruf": "first_name", "Post": "email"}


def read(text=FILE, *, columns=None, **choices):
    return parse_users(text, choices=FileChoices({**COLUMNS, **(columns or {})}, **choices))


def refused(*args, **options):
    with pytest.raises(ValidationFailed) as refusal:
        read(*args, **options)
    return refusal.value.errors


def test_a_mapping_says_what_columns_are(db):
    file = read(columns={"Ab": "starts_at", "STELLE": "roles"}, day_order="day_first", role_words={"laborantin": ["A"]})
    [row] = file.users
    assert (row.fields["first_name"], row.fields["last_name"], row.fields["username"]) == ("Ada", "Byron", "")
    assert row.fields["starts_at"].date().isoformat() in {"2026-04-03", "2026-04-02"}
    assert row.roles == ("A",)
    assert file.ignored_columns == ["Nr"]
    [row] = read(columns={"Ab": "starts_at", "Stelle": ""}, day_order="month_first").users
    assert row.fields["starts_at"].date().isoformat() in {"2026-03-04", "2026-03-03"}


def test_what_a_mapping_leaves_open_is_refused(db):
    [sentences] = refused(columns={"Ab": "starts_at", "Team": "roles", "Ruf": "last_name"}).values()
    assert "There is no column “Team”." in sentences
    assert "“Familie” and “Ruf” can't both be last_name. Leave one of them out." in sentences
    assert any(sentence.startswith("This column has no place here: “Stelle”.") for sentence in sentences)
    both = refused(columns={"Ab": "starts_at", "Stelle": ""})
    assert "can be read with the day first" in both["line 1"][0]
    assert "There is no column 'shoes'." in refused(columns={"Ab": "shoes"}, day_order="x")["mapping"][0]
    assert refused("Nr;Ruf\n1;Ada\n", columns={"Familie": "", "Post": ""})
    assert refused("Nr;Familie;Ruf;Post\n", columns={})["file"] == [
        "There are no users in the file: it has a header alone."
    ]


def test_a_role_of_that_name_goes_before_a_word_and_a_word_may_mean_none(db):
    Role.objects.create(name="Laborantin", slug="laborantin")
    text = "Post;Rolle\na@lab.example;laborantin, Chef\nb@lab.example;\n"
    words = {"Laborantin": ["Viewer"], "chef": [], "unused": ["Viewer"]}
    rows = parse_users(text, choices=FileChoices({"Post": "email", "Rolle": "roles"}, role_words=words)).users
    assert [row.roles for row in rows] == [("laborantin",), ()]
    words = {"Laborantin, Chef": ["Viewer", "Manager"]}
    rows = parse_users(text, choices=FileChoices({"Post": "email", "Rolle": "roles"}, role_words=words)).users
    assert rows[0].roles == ("Viewer", "Manager")


def rows_of(*people):
    """(username, first name, last name, address) each."""
    names = ("username", "first_name", "last_name", "email")
    return [ImportRow(2 + line, dict(zip(names, person, strict=True))) for line, person in enumerate(people)]


def test_usernames_are_proposed_that_nobody_has_or_had(db):
    make_user("ada.byron")
    FormerUsername.objects.create(name="ada.byron2", user=make_user("someone"))
    erased = make_user("ada.byron3")
    hash_usernames(erased)
    erased.username = "erased-1"
    erased.save(update_fields=["username"])
    rows = rows_of(
        ("", "Ada", "Byron", "x@lab.example"),
        ("", "Ada", "Byron", "y@lab.example"),
        ("Ada.Byron5", "Ada", "Byron", "z@lab.example"),
        ("", "", "", "grace.hopper@lab.example"),
        ("", "李", "", "bo@lab.example"),
        ("", "", "", "none"),
        ("", "Юлия", "Щукина", "q@lab.example"),
    )
    assert propose_usernames(rows) == {
        2: "ada.byron4",
        3: "ada.byron6",
        5: "grace.hopper",
        6: "bo.lab",
        7: "",
        8: "yuliya.shchukina",
    }
    filled = fill_usernames(rows)
    assert filled[2] is rows[2]
    assert filled[5].problems == ("username: None can be made of this name and address. Give one.",)
    assert [row.fields["username"] for row in fill_usernames(rows, {2: "countess"})][:3] == [
        "countess",
        "",
        "Ada.Byron5",
    ]


@pytest.mark.parametrize("count", [3, 300])
def test_usernames_cost_the_same_queries_for_any_number_of_rows(db, django_assert_num_queries, count):
    rows = rows_of(*[("", "Ada", "Byron" if n % 2 else f"Byron-{n}", f"a{n}@lab.example") for n in range(count)])
    with django_assert_num_queries(3):
        names = propose_usernames(rows).values()
    assert len({*names}) == count
