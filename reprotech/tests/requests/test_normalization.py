"""The same letters in another form: passwords, names, searches and addresses mean the same however they are typed."""

import unicodedata
from importlib import import_module

import bcrypt
import pytest
from django.apps import apps
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.core import mail
from django.core.management import call_command
from django.db import connection

from accounts.access.authorization import SYSTEM
from accounts.core import email_addresses
from accounts.core.confusables import confusable_forms
from accounts.models import ApiKey, EmailChange, PasswordHistory, Role, User
from accounts.notifications import outbox
from accounts.passwords import services as password_services
from accounts.passwords.reset import request_reset
from accounts.roles import services as role_services
from accounts.users import services as user_services
from audit.models import AuditLog
from audit.saved_filters import InvalidSavedFilter, save_filter
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller, error_of, page_client

NFC = "Grüße-an-Köln-7"
NFD = unicodedata.normalize("NFD", NFC)
SPACED = "Grüße an Köln 7!"
assert NFC != NFD


def log_in(name, password):
    return Caller().post("/api/auth/login", {"username": name, "password": password}).status_code


def hashed_as_typed(password):
    """What was stored before passwords were normalized."""
    hasher = BCryptSHA256PasswordHasher()
    return hasher.encode(password, hasher.salt())


@pytest.mark.parametrize(
    ("chosen", "typed", "is_same"),
    [
        (NFC, NFD, True),
        (NFD, NFC, True),
        (SPACED, SPACED.replace(" ", "\u00a0"), True),
        (SPACED.replace(" ", "\u3000"), SPACED, True),
        (NFC, NFC.replace("ß", "ss"), False),
        (NFC, NFC.swapcase(), False),
        (NFC, NFC.replace("7", "\uff17"), False),
    ],
)
def test_a_password_is_the_same_in_any_form_and_in_no_other_letters(cast, chosen, typed, is_same):
    user = make_user("umlaut", password=chosen)
    assert user.check_password(typed) is is_same
    assert log_in("umlaut", typed) == (200 if is_same else 401)


@pytest.mark.parametrize("old", [NFD, NFC])
def test_a_hash_of_the_typed_form_goes_on_working_and_is_replaced(cast, old):
    User.objects.filter(pk=cast.viewer.pk).update(password=hashed_as_typed(old))
    assert log_in("the-viewer", "Wrong-Horse-7") == log_in("the-viewer", NFD.replace("7", "8")) == 401
    assert log_in("the-viewer", old) == 200
    assert log_in("the-viewer", NFC) == log_in("the-viewer", NFD) == 200


def test_an_earlier_password_is_refused_in_any_form(cast):
    user = make_user("umlaut", password=NFC)
    PasswordHistory.objects.create(user=user, password=hashed_as_typed(NFD.replace("7", "8")))
    for again in (NFD, NFD.replace("7", "8")):
        with pytest.raises(ValidationFailed):
            password_services.reset_password(actor=cast.admin, user_id=user.pk, password=again)
    with pytest.raises(ValidationFailed):
        password_services.change_password(actor=user, current_password=NFC, new_password=NFD)


def test_the_length_of_a_password_is_that_of_its_normalized_form(cast):
    with pytest.raises(ValidationFailed, match="not valid"):
        make_user("short", password=unicodedata.normalize("NFD", "Äöü-78x"))


def test_a_wrong_password_costs_as_many_hashes_whether_the_name_exists(cast, monkeypatch):
    real, made = bcrypt.hashpw, []
    monkeypatch.setattr(bcrypt, "hashpw", lambda password, salt: made.append(1) or real(password, salt))
    counts = []
    service = user_services.create_user(actor=SYSTEM, username="no-password", email="np@lab.example")
    for name in ("the-viewer", "nobody-at-all", service.username):
        for password in (NFD, "Wrong-Horse-7"):
            made.clear()
            assert log_in(name, password) == 401
            counts.append(len(made))
    assert counts == [2, 1] * 3


# Searches

NAME = "Müller-Ångström"


@pytest.mark.parametrize("stored_form", ["NFC", "NFD"])
@pytest.mark.parametrize("typed_form", ["NFC", "NFD"])
def test_a_name_is_found_in_either_form_and_any_case(cast, stored_form, typed_form):
    stored, typed = (unicodedata.normalize(form, NAME) for form in (stored_form, typed_form))
    body = {"username": "umlaut", "email": "umlaut@lab.example", "first_name": "X", "last_name": stored}
    assert Caller(cast.admin).post("/api/users", {**body, "password": PASSWORD}).status_code == 201
    user = User.objects.get(username="umlaut")
    assert user.last_name == NAME
    role = role_services.create_role(actor=SYSTEM, name=unicodedata.normalize(stored_form, "Übersicht Nord"))
    for case in (str, str.upper, str.lower):
        assert [found.pk for found in User.objects.search(case(typed))] == [user.pk]
        assert Role.objects.named(case(unicodedata.normalize(typed_form, "Übersicht Nord"))) == role
    admin_page = page_client(cast.super_admin)
    assert b"umlaut@lab.example" in admin_page.get("/admin/accounts/user/", {"q": typed.upper()}).content
    assert role.name in admin_page.get("/admin/accounts/role/", {"q": typed_form and role.name}).content.decode()


@pytest.mark.parametrize("stored_form", ["NFC", "NFD"])
@pytest.mark.parametrize("typed_form", ["NFC", "NFD"])
def test_an_event_is_found_in_either_form_and_any_case_also_one_from_before(db, stored_form, typed_form):
    stored, typed = (unicodedata.normalize(form, NAME) for form in (stored_form, typed_form))
    AuditLog.objects.create(username=stored, action="login", resource="auth", details={})
    AuditLog.objects.create(username="x", action="update", resource="user", resource_name=stored, details={})
    AuditLog.objects.create(username="y", action="update", resource="user", details={"changes": {"n": ["", stored]}})
    AuditLog.objects.create(username="z", action="update", resource="user", resource_name="Moller", details={})
    for case in (str, str.upper, str.lower):
        assert AuditLog.objects.mentioning(case(typed)).count() == 3
        assert [row.username for row in AuditLog.objects.by_user(case(typed))] == [stored]


def test_what_is_typed_at_a_refused_sign_in_is_recorded_in_one_form(db):
    with audit_rows() as rows:
        log_in(NFD, PASSWORD)
    assert [row.username for row in rows] == [NFC]


@pytest.mark.parametrize(
    "name",
    [
        "Night Shift",
        "night\u00a0shift",
        "\uff2eight Shift",
        "Night  Shift",
        "Night\u2003Shift",
        "Night Shift\u200d",
    ],
)
def test_a_role_whose_name_looks_like_anothers_is_refused_with_a_sentence(cast, name):
    role_services.create_role(actor=SYSTEM, name="Night Shift")
    other = role_services.create_role(actor=SYSTEM, name="Other")
    answers = [
        Caller(cast.super_admin).post("/api/roles", {"name": name}),
        Caller(cast.super_admin).patch(f"/api/roles/{other.pk}", {"name": name}),
    ]
    for answer in answers:
        assert answer.status_code == 409, name
        assert error_of(answer)["errors"]["name"][0].endswith(("already.", "Choose another."))


@pytest.mark.parametrize(
    "name",
    [
        "\u0410dministrator",
        "\uff41dm\u0456n\u0456strator",
        "Adrninistrator",
        "\u0391DMINISTRATOR",
        "Administrat\u1d0fr",
    ],
)
def test_a_role_whose_name_has_letters_that_look_like_another_s_is_refused(cast, name):
    other = role_services.create_role(actor=SYSTEM, name="Other")
    answers = [
        Caller(cast.super_admin).post("/api/roles", {"name": name}),
        Caller(cast.super_admin).patch(f"/api/roles/{other.pk}", {"name": name}),
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    client = page_client(cast.super_admin)
    for address in ("/roles/new", f"/roles/{other.pk}/edit", "/admin/accounts/role/add/"):
        page = client.post(address, {"name": name, "description": ""}).content.decode()
        assert "looks the same. Choose another." in page, address
    assert Role.objects.filter(name=name).count() == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CEO", "\u0421\u0415\u041e"),
        ("lab", "Iab"),
        ("na\u00efve", "n\u0430\u0456\u0308ve"),
        ("\u0393\u03b1\u03bc\u03bc\u03b1", "\u0413\u03b1\u03bc\u03bc\u03b1"),
    ],
)
def test_names_of_letters_that_look_the_same_can_not_be_told_apart(first, second):
    assert confusable_forms(first) & confusable_forms(second)


@pytest.mark.parametrize(
    "names",
    [
        ["AI", "AL", "Al\u00e9", "Mail", "Mali", "Team 1", "Team I", "Team VI", "Team VL", "Lab 10", "Lab IO"],
        [
            "\u041b\u0430\u0431\u043e\u0440\u0430\u0442\u043e\u0440\u0438\u044f",
            "\u041b\u0430\u0431\u043e\u0440\u0430\u043d\u0442",
            "\u0391\u03bd\u03ac\u03bb\u03c5\u03c3\u03b7",
            "\u691c\u67fb",
            "\u03b2-Galactosidase",
            "\u0418\u0424\u0410 PCR",
        ],
    ],
)
def test_names_in_any_script_that_differ_to_the_eye_are_told_apart(db, names):
    for name in names:
        role_services.create_role(actor=SYSTEM, name=name)


def test_roles_that_look_the_same_from_before_go_on_working(cast):
    twin = Role.objects.create(name="\u0410dministrator", slug="twin")
    answer = Caller(cast.super_admin).patch(f"/api/roles/{twin.pk}", {"description": "Kept.", "name": twin.name})
    assert answer.status_code == 200
    assert Caller(cast.super_admin).patch(f"/api/roles/{twin.pk}", {"name": "Second administrator"}).status_code == 200


def test_roles_that_differ_by_a_final_sigma_look_the_same(db):
    role_services.create_role(actor=SYSTEM, name="Οδος")
    with pytest.raises(Conflict, match=r"looks the same|already"):
        role_services.create_role(actor=SYSTEM, name="Οδοσ")


# Addresses

PUNYCODE = "a.user@xn--strae-oqa.example"
SPELLINGS = [
    "a.user@straße.example",
    "A.User@STRAẞE.Example",
    "a.user@xn--strae-oqa.example",
    "a.user@XN--STRAE-OQA.EXAMPLE",
    "a.user@straße.example.",
    "a.user@straße。example",
    unicodedata.normalize("NFD", "a.user@straße.example"),
]


@pytest.mark.parametrize("spelling", SPELLINGS[::3])
def test_one_mailbox_is_one_account_however_its_domain_is_written(cast, admin, spelling):
    user = make_user("first", email=spelling)
    assert user.email.lower() == PUNYCODE
    for again in SPELLINGS:
        body = {"username": "second", "email": again, "first_name": "S", "last_name": "S", "password": PASSWORD}
        answer = admin.post("/api/users", body)
        assert (answer.status_code, error_of(answer)["errors"]) == (409, {"email": ["This e-mail address is taken."]})
        assert admin.patch(f"/api/users/{cast.viewer.pk}", {"email": again}).status_code == 409
        assert User.objects.known_as(again) == user
    assert log_in(SPELLINGS[1], PASSWORD) == 200
    assert list(User.objects.search("STRAẞE.ex")) == list(User.objects.search("xn--strae")) == [user]


def test_every_door_knows_the_one_form(cast, admin, monkeypatch, django_capture_on_commit_callbacks):
    call_command("users", "create", "first", SPELLINGS[0])
    user = User.objects.get(username="first")
    assert user.email == PUNYCODE
    rows = "username,email\n" + "".join(f"n-{n},{spelling}\n" for n, spelling in enumerate(SPELLINGS[1:3]))
    found = error_of(admin.post("/api/users/import", rows.encode(), CONTENT_TYPE="text/csv"))["errors"]
    assert found == {
        "line 2": ["email: This e-mail address is taken."],
        "line 3": ["email: Line 2 has it too.", "email: This e-mail address is taken."],
    }
    call_command("users", "lock", SPELLINGS[4])
    call_command("users", "unlock", SPELLINGS[5])
    User.objects.filter(pk=user.pk).update(password=cast.viewer.password)
    with django_capture_on_commit_callbacks(execute=True):
        request_reset(typed=SPELLINGS[1])
    outbox.drain()
    assert [message.to for message in mail.outbox][-1] == [PUNYCODE]
    browser = page_client(cast.viewer)
    assert "taken" in browser.post("/profile/email", {"email": SPELLINGS[0]}).content.decode()


NOWHERE = ["a@☕.example", f"a@{'ü' * 64}.example", "a@-ü.example", "a@xn--a.example", "a@ü..example"]


@pytest.mark.parametrize("address", NOWHERE)
def test_a_domain_that_no_mail_reaches_is_refused_with_a_sentence(cast, admin, address):
    body = {"username": "second", "email": address, "first_name": "S", "last_name": "S", "password": PASSWORD}
    sentence = "No mail can be sent to this domain: it is not a valid internet name. Check its spelling."
    for answer in (admin.post("/api/users", body), admin.patch(f"/api/users/{cast.viewer.pk}", {"email": address})):
        assert (answer.status_code, error_of(answer)["errors"]) == (400, {"email": [sentence]})
    assert User.objects.known_as(address) is None
    assert log_in(address, PASSWORD) == 401


@pytest.mark.parametrize(
    "address", ['"\x01"@lab.example', '"\x7f<x>"@lab.example', '"a\u202eb"@lab.example', "a\u200b@lab.example"]
)
def test_an_address_has_no_control_characters(cast, admin, address):
    body = {"username": "second", "email": address, "first_name": "S", "last_name": "S"}
    answer = admin.post("/api/users", body)
    assert answer.status_code == 400
    assert "Leave out control characters and invisible characters." in error_of(answer)["errors"]["email"]


DISGUISES = ["a\x07b", "a\x7fb", "a\u202eb", "a\u2066b", "a\u200bb", "a\u2028b", "a\u2029b", "a\u3164b", "a\U000e0041b"]


@pytest.mark.parametrize("text", DISGUISES)
def test_no_text_that_people_enter_has_characters_that_disguise_it(cast, text):
    admin = Caller(cast.super_admin)
    person = {"username": "second", "email": "second@lab.example", "first_name": "S", "last_name": "S"}
    calls = [
        ("/api/users", {**person, "first_name": text}),
        ("/api/users", {**person, "last_name": text}),
        ("/api/users", {**person, "username": text}),
        ("/api/roles", {"name": text}),
        ("/api/roles", {"name": "R", "description": text}),
    ]
    assert [admin.post(path, body).status_code for path, body in calls] == [400] * len(calls)
    if len(text.split()) == 1:  # blanks of every kind become one
        with pytest.raises(InvalidSavedFilter, match="ordinary characters"):
            save_filter(actor=cast.super_admin, name=text, query="")
    with pytest.raises(Exception, match="invisible characters"):
        ApiKey._meta.get_field("name").clean(text, None)


# What is stored already


def normalize_stored():
    migration = import_module("accounts.migrations.0020_normalized_texts")
    with connection.schema_editor(atomic=False) as editor:
        migration.normalize(apps, editor)


@pytest.mark.django_db(transaction=True)
def test_what_is_stored_is_brought_into_the_one_form_and_collisions_are_left(cast, caplog):
    def raw(user, **columns):
        with connection.cursor() as cursor:
            for column, value in columns.items():
                cursor.execute(f"UPDATE users SET {column} = %s WHERE id = %s", [value, user.pk])  # noqa: S608

    nfd = unicodedata.normalize("NFD", NAME)
    raw(cast.viewer, last_name=nfd, search_text="old", email="b.user@straße.example")
    raw(cast.manager, email="a.user@straße.example")
    raw(cast.admin, email=PUNYCODE)
    raw(cast.stranger, email="c@☕.example", last_name=NAME)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE roles SET description = %s WHERE slug = 'viewer'", [nfd])
    normalize_stored()
    viewer, manager, stranger = (User.objects.get(pk=user.pk) for user in (cast.viewer, cast.manager, cast.stranger))
    assert (viewer.last_name, viewer.email) == (NAME, "b.user@xn--strae-oqa.example")
    before = viewer.search_text
    viewer.fold_search_text()
    assert viewer.search_text == before
    assert Role.objects.get(slug="viewer").description == NAME
    assert (manager.email, stranger.email) == ("a.user@straße.example", "c@☕.example")
    assert f"User {manager.pk}: another account has the same address" in caplog.text
    assert "c@☕.example" in caplog.text
    normalize_stored()
    assert User.objects.get(pk=cast.viewer.pk).last_name == NAME


def test_readable_addresses_are_what_people_write():
    assert email_addresses.readable_address(PUNYCODE) == "a.user@straße.example"
    assert email_addresses.readable_address("a@lab.example") == "a@lab.example"
    assert EmailChange._meta.get_field("address").get_prep_value("A@LAB.Example.") == "A@lab.example"
