"""A body arrives whatever way it is sent, or is refused: no answer tells of success while the body went unread."""

from io import BytesIO

import pytest
from django.test import Client, RequestFactory
from django.urls import resolve

from accounts.models import User
from reprotech.middleware.request_body import BodyRefused, read_body
from reprotech.route_access import GUARDED_ELSEWHERE, all_routes
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller, error_of, page_client
from reprotech.tests.security.api_access import API
from reprotech.tests.security.test_access_matrix import PAGES, rows

# Bodies are read before anything asks the database.
pytestmark = pytest.mark.only_on("sqlite")

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="u.csv"\r\n\r\nusername,email\r\n--x--\r\n'


class Chunks(BytesIO):
    """What a server gives for `wsgi.input`: in pieces, and to whoever asks for more, nothing."""

    def read(self, size=-1):
        return super().read(min(size, 1000) if size and size > 0 else -1)


class ChunkedClient(Client):
    """Sends every body as servers pass on one of unknown length: without CONTENT_LENGTH, its end marked."""

    #: What the server knows of the body, other than its length.
    signs = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}

    def request(self, **environ):
        body = environ["wsgi.input"].read() if environ.pop("CONTENT_LENGTH", None) else b""
        self.sent = Chunks(body)
        return super().request(**environ | self.signs | {"wsgi.input": self.sent})

    @property
    def unread(self):
        return len(self.sent.getbuffer()) - self.sent.tell()


def chunked(client, method, path, body, content_type="application/json", user=None, **headers):
    """Send `body` in chunks, as `user` with a token if given."""
    if user is not None:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {Caller(user).token}"
    return client.generic(method, path, body, content_type, REMOTE_ADDR="192.0.2.10", **headers)


@pytest.fixture
def client():
    return ChunkedClient(raise_request_exception=False)


def test_a_chunked_change_is_made(cast, client):
    path = f"/api/users/{cast.viewer.pk}"
    response = chunked(client, "PATCH", path, b'{"is_active": false}', user=cast.super_admin)
    assert (response.status_code, response.json()["user"]["is_active"]) == (200, False)
    assert not User.objects.get(pk=cast.viewer.pk).is_active


@pytest.mark.parametrize(
    "signs",
    [
        {"HTTP_TRANSFER_ENCODING": "gzip, chunked", "wsgi.input_terminated": True},
        {"wsgi.input_terminated": True},
        {"SERVER_PROTOCOL": "HTTP/2", "wsgi.input_terminated": True},
        {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "1", "wsgi.input_terminated": True},
        {"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    ],
)
def test_a_body_arrives_however_a_server_tells_of_it(cast, client, signs):
    client.signs = signs
    response = chunked(client, "PATCH", f"/api/users/{cast.viewer.pk}", b'{"is_active": false}', user=cast.super_admin)
    assert response.json()["user"]["is_active"] is False


def test_without_a_length_or_a_marked_end_a_length_is_asked_for(cast, client):
    client.signs = {"HTTP_TRANSFER_ENCODING": "chunked"}
    response = chunked(client, "PATCH", f"/api/users/{cast.viewer.pk}", b'{"is_active": false}', user=cast.super_admin)
    assert response.status_code == 411
    assert error_of(response) == {"error": "Send the body with a Content-Length.", "code": "length_required"}
    assert User.objects.get(pk=cast.viewer.pk).is_active


def test_sign_in_on_the_page_and_introspection_take_chunked_forms(cast, client):
    body = f"username=the-viewer&password={PASSWORD}".encode()
    response = chunked(client, "POST", "/login", body, FORM)
    assert (response.status_code, response["Location"]) == (302, "/")
    token = Caller(cast.viewer).token.encode()
    response = chunked(client, "POST", "/api/auth/introspect", b"token=" + token, FORM, user=cast.super_admin)
    assert response.json()["active"] is True


@pytest.mark.parametrize("content_type", ["text/csv", MULTIPART])
def test_a_chunked_import_arrives_whole_and_a_large_one_is_refused(cast, client, content_type):
    rows = b"username,email,first_name,last_name,roles\n" + b"".join(
        b"csv-%d,csv-%d@lab.example,A,B,viewer\n" % (n, n) for n in range(40)
    )
    body = rows if content_type == "text/csv" else FILE.replace(b"username,email", rows)
    path = "/api/users/import?dry_run=true"
    response = chunked(client, "POST", path, body, content_type, cast.super_admin)
    assert response.status_code == 200, response.content
    assert b"40" in response.content
    large = body.replace(b"csv-1,", b"x" * 6_000_000 + b",")
    assert chunked(client, "POST", path, large, content_type, cast.super_admin).status_code == 413


def test_a_chunked_body_is_counted_while_it_is_read(cast, client):
    class Endless(Chunks):
        given = 0

        def read(self, size=-1):
            assert 0 < size <= 65_536, "the whole body would be held in memory"
            self.given += size
            return b" " * size

    source = Endless()
    client.signs = {**ChunkedClient.signs, "wsgi.input": source}
    client.request = lambda **environ: Client.request(client, **environ | client.signs)
    environ = {"REMOTE_ADDR": "192.0.2.10"}
    response = client.generic("POST", "/api/auth/login", b"", "application/json", **environ)
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")
    assert source.given < 40_000_000


def test_a_chunked_body_may_be_as_long_as_its_limit_and_no_longer():
    def request(length):
        source = {"wsgi.input": Chunks(b" " * length)}
        return RequestFactory().generic("POST", "/", b"", "application/json", **ChunkedClient.signs, **source)

    whole = request(5000)
    read_body(whole, 5000)
    assert len(whole.body) == 5000
    with pytest.raises(BodyRefused) as refusal:
        read_body(request(5001), 5000)
    assert refusal.value.status == 413


def test_whoever_waits_before_sending_too_much_is_refused_before_sending(db, client):
    client.signs = {"CONTENT_LENGTH": "40000000", "HTTP_EXPECT": "100-continue"}
    assert chunked(client, "POST", "/api/auth/login", b" " * 5000).status_code == 413
    assert client.unread == 5000


@pytest.mark.parametrize(
    ("content_type", "body", "signs"),
    [
        ("application/json", b'{"is_active": fal', ChunkedClient.signs),
        ("application/json", b"{}", {"CONTENT_LENGTH": "20"}),
        (FORM, b"token=x", {"CONTENT_LENGTH": "20"}),
        (MULTIPART, FILE[:-4], ChunkedClient.signs),
        (MULTIPART, FILE[:60], ChunkedClient.signs),
    ],
)
def test_a_body_that_breaks_off_changes_nothing(cast, client, content_type, body, signs):
    client.signs = signs
    path = "/api/users/import" if content_type == MULTIPART else "/api/auth/introspect"
    if content_type == "application/json":
        path = f"/api/users/{cast.viewer.pk}"
    method = "PATCH" if content_type == "application/json" else "POST"
    response = chunked(client, method, path, body, content_type, cast.super_admin)
    assert response.status_code == 400
    if signs is not ChunkedClient.signs or content_type == MULTIPART:
        assert error_of(response)["error"] == "The body ended before it was complete. Send the request again."
    assert User.objects.get(pk=cast.viewer.pk).is_active


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_empty_bodies_and_bodies_of_other_methods_are_taken(cast, client, method, body):
    path = {"GET": "/api/auth/me", "DELETE": "/api/auth/sessions", "POST": "/api/auth/logout"}[method]
    assert chunked(client, method, path, body, user=cast.viewer).status_code == 200


def changing_addresses():
    """(method, address) of every row of the access matrix that may change something."""
    for method, address, _ in (*rows(API), *rows(PAGES)):
        if method in CHANGING:
            yield method, address


def test_the_walk_reaches_every_address_that_changes_something():
    walked = {(resolve(address).route, method) for method, address in changing_addresses()}
    declared = {
        (route.path, method.upper())
        for route in all_routes()
        if route.path not in GUARDED_ELSEWHERE
        for method in route.access or {}
    }
    assert {entry for entry in declared if entry[1] in CHANGING} <= walked


@pytest.mark.parametrize("content_type", ["application/json", MULTIPART])
def test_no_address_answers_before_a_chunked_body_is_read(cast, content_type):
    addresses = [*changing_addresses(), *(("POST", f"/admin/{path}") for path in ("", "accounts/role/add/"))]
    cookies = page_client(cast.super_admin).cookies
    for method, address in addresses:
        client = ChunkedClient(raise_request_exception=False)
        if not address.startswith("/api/"):
            client.cookies = cookies
        user = cast.super_admin if address.startswith("/api/") else None
        response = chunked(client, method, address, b"\x00not what anybody reads" * 200, content_type, user)
        assert client.unread == 0, (method, address)
        if content_type == MULTIPART:
            assert response.status_code == 400, (method, address)
        assert response.status_code < 500, (method, address)


@pytest.mark.parametrize(("method", "address"), [entry for entry in changing_addresses() if "/api/" in entry[1]])
def test_a_chunked_body_is_answered_as_one_with_a_length_is(cast, method, address):
    user = Caller(cast.super_admin)
    body = b'{"unfinished'
    with_length = user.call(method, address, body)
    response = chunked(ChunkedClient(raise_request_exception=False), method, address, body, user=cast.super_admin)
    assert response.status_code == with_length.status_code
    assert error_of(response) == error_of(with_length) if response.status_code >= 400 else True
