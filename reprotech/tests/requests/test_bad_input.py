"""Whatever is sent, the answer is a 4xx in the one shape of errors, and nothing changes."""

import pytest

from reprotech.testing.cast import NOBODY, PASSWORD
from reprotech.testing.client import REQUEST_ID

pytestmark = pytest.mark.usefixtures("unchanged")

NEW_USER = {"username": "newuser", "email": "new@lab.example", "password": "Secure-Pass-123!", "roles": ["viewer"]}
NEW_ROLE = {"name": "Night Shift", "description": "", "permissions": ["animal_read"]}
RIGHT_TO_LEFT_OVERRIDE, NUL, LONE_SURROGATE = "\u202e", "\x00", "\ud800"
CYRILLIC_ADMIN = "\u0430dmin"
MEGABYTES_10 = b'{"username": "' + b"x" * 10_000_000 + b'"}'


def assert_refused(response, status=400, field=""):
    """The answer has this status and the one shape of errors, naming `field` if any."""
    assert response.status_code == status, response.content[:500]
    body = response.json()
    assert set(body) - {"errors", "required"} == {"error", "code", "request_id"}
    assert body["error"]
    assert body["code"].replace("_", "").isalpha()
    assert body["request_id"] == response["X-Request-ID"] == REQUEST_ID
    if field:
        assert list(body["errors"]) == [field]
        assert all(isinstance(sentence, str) and sentence for sentence in body["errors"][field])


NOT_JSON = {
    "half an object": b'{"username": "x"',
    "a comma too many": b'{"username": "x",}',
    "single quotes": b"{'username': 'x'}",
    "two values": b"{}{}",
    "a word": b"nul",
    "not a number": b'{"username": NaN}',
    "infinity": b'{"username": -Infinity}',
    "a key given twice": b'{"username": "a", "username": "b"}',
    "a key given twice further in": b'{"roles": [{"a": 1, "a": 2}]}',
    "not UTF-8": b'{"username": "\xff\xfe"}',
    "UTF-16": '{"username": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": b'{"username": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "deep nesting": b"[" * 100_000,
    "deep nesting, closed": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number of 5,000 digits": b'{"username": ' + b"9" * 5_000 + b"}",
    "a raw line break in a string": b'{"username": "a\nb"}',
    "a NUL byte": b'{"username": "a"}\x00',
}
NO_OBJECT = {"a list": b"[]", "a number": b"7", "a string": b'"username"', "null": b"null", "true": b"true"}
TAKES_A_BODY = [
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/change-password"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/users"),
    ("PATCH", "/api/users/{}"),
    ("PUT", "/api/users/{}"),
    ("POST", "/api/users/{}/reset-password"),
    ("POST", "/api/users/{}/invitation"),
    ("POST", "/api/users/{}/invitation/link"),
    ("POST", "/api/users/{}/lock"),
    ("POST", "/api/users/{}/unlock"),
    ("POST", "/api/roles"),
    ("POST", "/api/applications"),
    ("POST", "/api/reviews"),
]


@pytest.mark.parametrize(("method", "path"), TAKES_A_BODY)
def test_a_body_that_is_not_json_or_no_object_is_refused(cast, super_admin, method, path):
    for body in (*NOT_JSON.values(), *NO_OBJECT.values()):
        assert_refused(super_admin.call(method, path.format(cast.viewer.pk), body))


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_wrong_with_the_json_is_said(anonymous, body):
    response = anonymous.post("/api/auth/login", body)
    assert_refused(response)
    assert response.json()["error"].startswith(("The body is not valid JSON: ", "The JSON is nested too deeply."))
    assert response.json()["code"] == "malformed"


@pytest.mark.parametrize(("method", "path"), TAKES_A_BODY)
def test_an_unknown_field_is_refused(cast, super_admin, method, path):
    response = super_admin.call(method, path.format(cast.viewer.pk), {"is_superuser": True})
    assert_refused(response)
    assert response.json()["errors"]["is_superuser"] == ["Unknown field."]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json"])
@pytest.mark.parametrize(("method", "path"), TAKES_A_BODY)
def test_another_content_type_is_refused(cast, super_admin, method, path, content_type):
    path = path.format(cast.viewer.pk)
    assert_refused(super_admin.call(method, path, b"first_name=x", CONTENT_TYPE=content_type), 415)


def test_a_form_with_files_is_refused(super_admin):
    body = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nnewuser\r\n--x--\r\n'
    assert_refused(super_admin.post("/api/users", body, CONTENT_TYPE="multipart/form-data; boundary=x"), 415)


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/users", "/api/nothing-here", "/api/auth/logout"])
def test_a_body_of_ten_megabytes_is_refused(super_admin, path):
    assert_refused(super_admin.post(path, MEGABYTES_10), 413)


@pytest.mark.parametrize("length", ["-1", "many", "1e3", "1 2", "\u0661"])
def test_a_content_length_that_is_no_number_is_refused(super_admin, length):
    assert_refused(super_admin.post("/api/users", NEW_USER, CONTENT_LENGTH=length))


@pytest.mark.parametrize("value", [7, 1.5, True, None, [], ["x"], {}, {"a": "b"}, "", "   "])
@pytest.mark.parametrize("field", ["username", "email", "password"])
def test_a_field_of_a_user_of_a_wrong_type_is_refused(super_admin, field, value):
    assert_refused(super_admin.post("/api/users", {**NEW_USER, field: value}), field=field)


@pytest.mark.parametrize("field", ["username", "email"])
def test_a_missing_field_is_named(super_admin, field):
    body = {name: value for name, value in NEW_USER.items() if name != field}
    assert_refused(super_admin.post("/api/users", body), field=field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "x" * 81),
        ("username", "ab"),
        ("username", CYRILLIC_ADMIN),
        ("username", "\uff41dmin"),
        ("username", "admin\u200b"),
        ("username", "new user"),
        ("username", f"new{NUL}user"),
        ("username", "new\nuser"),
        ("username", "new🧪user"),
        ("username", "<script>"),
        ("email", "x" * 250 + "@lab.example"),
        ("email", "new@lab"),
        ("email", "new@lab.example\nBcc: everyone@lab.example"),
        ("email", f"new{NUL}@lab.example"),
        ("email", "a@b@lab.example"),
        ("password", "Aa1!" * 257),
        ("password", f"Secure-Pass-1{NUL}"),
        ("first_name", "x" * 51),
        ("first_name", 7),
        ("first_name", None),
        ("first_name", f"New{NUL}"),
        ("first_name", f"New{RIGHT_TO_LEFT_OVERRIDE}nimda"),
        ("last_name", "\u2066Comer\u2069"),
        ("last_name", "Love\u200blace"),
        ("last_name", "Love\nlace"),
        ("last_name", "Comer 🧪"),
        ("roles", "viewer"),
        ("roles", {"viewer": True}),
        ("roles", [7]),
        ("roles", [None]),
        ("roles", [["viewer"]]),
        ("roles", ["viewer"] * 201),
        ("roles", ["x" * 81]),
        ("roles", [f"viewer{NUL}"]),
        ("roles", ["no such role"]),
        ("roles", None),
        ("is_active", "true"),
        ("is_active", 1),
        ("is_active", None),
    ],
)
def test_a_value_that_no_user_may_have_is_refused(cast, super_admin, field, value):
    assert_refused(super_admin.post("/api/users", {**NEW_USER, field: value}), field=field)
    if field != "password":
        assert_refused(super_admin.patch(f"/api/users/{cast.viewer.pk}", {field: value}), field=field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 81),
        ("name", 7),
        ("name", f"Night{NUL}"),
        ("name", f"Night{RIGHT_TO_LEFT_OVERRIDE}tfihS"),
        ("name", "🧪"),
        ("description", "x" * 201),
        ("description", ["x"]),
        ("description", f"x{NUL}"),
        ("permissions", "animal_read"),
        ("permissions", [7]),
        ("permissions", ["animal_eat"]),
        ("permissions", [f"animal_read{NUL}"]),
        ("permissions", ["animal_read"] * 201),
    ],
)
def test_a_value_that_no_role_may_have_is_refused(super_admin, field, value):
    assert_refused(super_admin.post("/api/roles", {**NEW_ROLE, field: value}), field=field)


@pytest.mark.parametrize("name", [f"the-viewer{NUL}", "🧪" * 100, "\u05d9\u05d5\u05e1\u05e3", "' OR 1=1 --", "*", "%"])
def test_a_login_with_a_name_that_nobody_can_have_is_refused(anonymous, name):
    response = anonymous.post("/api/auth/login", {"username": name, "password": PASSWORD})
    assert_refused(response, 400 if NUL in name else 401)


@pytest.mark.parametrize(
    "query",
    [
        *("per_page=0", "per_page=-1", "per_page=101", "per_page=1e9", "per_page=ten", "per_page=9" + "9" * 5_000),
        *("page=0", "page=-1", "page=1e9", "page=0x10", "page=1.0", "page=%2B1", "page=99999999999999999999"),
        *("page=1&page=1", "no_such_parameter=1", "page=%00", "page=%C2%B2", "%00=1", "page[]=1"),
    ],
)
@pytest.mark.parametrize("path", ["/api/users", "/api/audit", "/api/auth/sessions"])
def test_a_page_that_cannot_be_is_refused(super_admin, path, query):
    assert_refused(super_admin.get(f"{path}?{query}"))


@pytest.mark.parametrize(
    "path",
    [
        *("/api/users?search=%00", "/api/users?role=%00", "/api/users?sort=%00", "/api/users?status=%00"),
        *("/api/users?search=" + "x" * 201, "/api/audit?user=%00", "/api/audit?action=%00", "/api/audit?from=%00"),
        *("/api/audit?ip_address=%00", "/api/audit?from=99999-01-01", "/api/users/analytics?days=%00"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(super_admin, path):
    assert_refused(super_admin.get(path))


@pytest.mark.parametrize("query", ["search=%ff", "search=%ED%A0%80", "role=%ff", "search=%25%5F%5C", "page=1000000000"])
def test_a_filter_that_matches_nothing_finds_nothing(super_admin, query):
    response = super_admin.get(f"/api/users?{query}")
    assert (response.status_code, response.json()["users"]) == (200, [])


HUGE = ["9223372036854775807", "9223372036854775808", "18446744073709551616", "9" * 40, "9" * 5_000, str(NOBODY)]


@pytest.mark.parametrize("number", HUGE, ids=len)
@pytest.mark.parametrize("resource", ["users", "roles"])
def test_an_id_beyond_64_bits_is_not_there(super_admin, resource, number):
    path = f"/api/{resource}/{number}"
    for method, body in (("GET", None), ("PATCH", {}), ("PUT", {}), ("DELETE", None)):
        assert_refused(super_admin.call(method, path, body), 404)
    if resource == "users":
        for change in ("lock", "unlock", "reset-password"):
            assert_refused(super_admin.post(f"{path}/{change}"), 404)


@pytest.mark.parametrize(
    "path",
    [
        *("/api/users/-1", "/api/users/1.5", "/api/users/%00", "/api/users/%ff", "/api/users//1"),
        *("/api/users/%D9%A1x", "/api/auth/sessions/1", "/api/auth/sessions/%00", "/api/..%2Fadmin", "/api/\u202e"),
    ],
)
def test_a_path_that_means_nothing_is_not_there(super_admin, path):
    assert_refused(super_admin.get(path), 404)
    assert_refused(super_admin.delete(path), 404)


@pytest.mark.parametrize("method", ["BREW", "TRACE", "PROPFIND"])
def test_a_method_of_the_callers_making_is_refused(cast, super_admin, method):
    assert_refused(super_admin.call(method, f"/api/users/{cast.viewer.pk}"), 405)


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver:99999x", "a b", "", "[::1"])
@pytest.mark.parametrize("path", ["/api/health", "/api/users", "/api/auth/login"])
def test_a_foreign_host_header_is_refused(super_admin, path, host):
    assert_refused(super_admin.get(path, HTTP_HOST=host), 400)


def test_a_foreign_host_header_gets_no_page_either(anonymous):
    response = anonymous.get("/login", HTTP_HOST="evil.example")
    assert response.status_code == 400
    assert b"evil.example" not in response.content
