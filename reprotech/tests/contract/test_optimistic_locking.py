"""`ETag` and `If-Match`: a caller may ask that nothing is overwritten that they haven't seen."""

import re
from functools import partial

import pytest

from accounts.access.authorization import SYSTEM
from accounts.roles.services import create_role
from reprotech.testing.cast import NOBODY, PASSWORD, at_once
from reprotech.testing.client import Caller, error_of


@pytest.fixture
def paths(cast):
    role = create_role(actor=SYSTEM, name="Assistant")
    return {"user": f"/api/users/{cast.viewer.pk}", "role": f"/api/roles/{role.pk}"}


BODIES = {"user": {"first_name": "Ada"}, "role": {"description": "Assists"}}
KINDS = pytest.mark.parametrize("kind", ["user", "role"])


@KINDS
def test_reading_and_changing_tell_the_version(super_admin, paths, kind):
    read = super_admin.get(paths[kind])
    assert re.fullmatch(r'"[^"]+"', read["ETag"])
    patched = super_admin.patch(paths[kind], BODIES[kind], HTTP_IF_MATCH=read["ETag"])
    assert (patched.status_code, patched["ETag"] != read["ETag"]) == (200, True)
    put = super_admin.put(paths[kind], {}, HTTP_IF_MATCH=patched["ETag"])
    assert (put.status_code, put["ETag"]) == (200, patched["ETag"])
    assert super_admin.get(paths[kind])["ETag"] == put["ETag"]
    assert super_admin.delete(paths[kind], HTTP_IF_MATCH=put["ETag"]).status_code == 200


def test_creating_and_locking_tell_it_too(super_admin):
    body = {"username": "newcomer", "email": "n@lab.example", "password": PASSWORD}
    created = super_admin.post("/api/users", body)
    path = f"/api/users/{created.json()['user']['id']}"
    assert super_admin.get(path)["ETag"] == created["ETag"]
    assert super_admin.post(f"{path}/lock")["ETag"] == super_admin.get(path)["ETag"] != created["ETag"]
    role = super_admin.post("/api/roles", {"name": "Newcomers"})
    assert super_admin.get(f"/api/roles/{role.json()['role']['id']}")["ETag"] == role["ETag"]


@KINDS
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_someone_else_changed_meanwhile_is_not_overwritten(super_admin, admin, paths, kind, method):
    seen = super_admin.get(paths[kind])["ETag"]
    admin.patch(paths[kind], BODIES[kind])
    now = super_admin.get(paths[kind])
    body = None if method == "DELETE" else BODIES[kind]
    answer = super_admin.call(method, paths[kind], body, HTTP_IF_MATCH=seen)
    assert answer.status_code == 412
    assert error_of(answer)["code"] == "precondition_failed"
    assert answer.json()["error"].startswith(f"the-admin changed this {kind}")
    after = super_admin.get(paths[kind])
    assert (after["ETag"], after.json()) == (now["ETag"], now.json())


@KINDS
@pytest.mark.parametrize("form", ["*", " * ", 'W/{0}, "other"', '"other", {0}', "W/{0}"])
def test_a_list_a_star_and_what_a_compressing_proxy_made_of_it_match(super_admin, paths, kind, form):
    seen = super_admin.get(paths[kind])["ETag"]
    answer = super_admin.patch(paths[kind], BODIES[kind], HTTP_IF_MATCH=form.format(seen))
    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["", "no-quotes", ",", "*, *", '"', "W/"])
def test_a_header_that_is_no_tag_is_refused(super_admin, paths, header):
    answer = super_admin.patch(paths["user"], BODIES["user"], HTTP_IF_MATCH=header)
    assert answer.status_code == 400
    assert list(error_of(answer)["errors"]) == ["If-Match"]


def test_authority_and_existence_go_first(viewer, super_admin, paths):
    assert viewer.patch(paths["user"], BODIES["user"], HTTP_IF_MATCH='"old"').status_code == 403
    assert super_admin.patch(f"/api/users/{NOBODY}", BODIES["user"], HTTP_IF_MATCH='"old"').status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_calls_at_the_same_moment_one_gets_412(cast):
    path = f"/api/users/{cast.viewer.pk}"
    callers = Caller(cast.super_admin), Caller(cast.admin)
    tags = {caller.get(path)["ETag"] for caller in callers}
    (tag,) = tags
    calls = [
        partial(caller.patch, path, {"first_name": f"Number {n}"}, HTTP_IF_MATCH=tag)
        for n, caller in enumerate(callers)
    ]
    assert sorted(answer.status_code for answer in at_once(*calls)) == [200, 412]


def test_a_page_of_another_origin_may_send_and_read_them(client, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://lims.example"]
    asked = {"HTTP_ORIGIN": "https://lims.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PATCH"}
    allowed = client.options("/api/users/1", **asked)["Access-Control-Allow-Headers"]
    assert "if-match" in allowed
    assert "ETag" in client.get("/api/health/live", **asked)["Access-Control-Expose-Headers"]
