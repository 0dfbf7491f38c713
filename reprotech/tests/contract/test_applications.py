"""`/api/applications`: bodies, statuses and errors as the contract has them."""

import base64

import pytest

from accounts.models import Role
from reprotech.testing.client import TIME, Caller, Like, error_of
from sso.models import Application
from sso.tests.support.sign_ins import make_application, make_sign_in

NEW = {
    "name": "Grafana",
    "slug": "grafana",
    "kind": "confidential",
    "redirect_uris": ["https://grafana.lab.example/login/generic_oauth"],
    "post_logout_redirect_uris": ["https://grafana.lab.example/"],
    "roles": ["Researcher"],
}
SECRET = Like(r"rps_[0-9a-f]{64}")
SHOWN = {
    **NEW,
    "client_id": Like(r"app_[a-z0-9]{20}"),
    "description": "",
    "home_url": "",
    "backchannel_logout_uri": "",
    "signing_alg": "RS256",
    "offline_access": False,
    "device_grant": False,
    "access_token_minutes": 5,
    "service_account": None,
    "is_active": True,
    "secret_created_at": TIME,
    "previous_secret_expires_at": None,
    "sign_in_count": 0,
    "created_at": TIME,
    "updated_at": TIME,
}
RUN = {"resource": "run", "action": "start", "description": "Start runs"}


@pytest.fixture
def made(super_admin):
    return super_admin.post("/api/applications", NEW).json()


def by_secret(made, secret=None):
    text = f"{made['application']['client_id']}:{secret or made['client_secret']}"
    return {"HTTP_AUTHORIZATION": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize("suffix", ["", "/"])
def test_create_answers_with_the_secret_this_once(super_admin, suffix):
    response = super_admin.post(f"/api/applications{suffix}", NEW)
    application = Application.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "message": "Application created successfully",
        "application": {"id": application.pk, **SHOWN},
        "client_secret": SECRET,
    }
    assert response["Cache-Control"] == "no-store"
    shown = super_admin.get(f"/api/applications/{application.pk}{suffix}")
    assert shown.json() == {"id": application.pk, **SHOWN}
    assert shown["ETag"] == response["ETag"]
    assert "secret" not in str(shown.json()).replace("secret_created_at", "").replace("previous_secret_expires_at", "")


def test_a_public_one_gets_no_secret(super_admin):
    body = super_admin.post("/api/applications", {**NEW, "kind": "public"}).json()
    assert "client_secret" not in body
    assert body["application"]["secret_created_at"] is None
    refused = super_admin.post(f"/api/applications/{body['application']['id']}/secret", {})
    assert refused.status_code == 409


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", value) for value in ("", 7, None)),
        *(("slug", value) for value in ("", "Grafana", "admin", 7)),
        *(("kind", value) for value in ("secret", None, ["public"])),
        *(("redirect_uris", value) for value in ("https://lab.example", ["http://lab.example/"], [7], None)),
        *(("roles", value) for value in ("Viewer", ["Nobody"], None)),
        *(("signing_alg", value) for value in ("none", "HS256", 1)),
        *((name, value) for name in ("offline_access", "device_grant") for value in ("yes", 1)),
        *(("access_token_minutes", value) for value in (0, 61, "5", 1.5, True)),
        *(("service_account", value) for value in ("the-viewer", 7)),
        ("client_id", "app_mine"),
        ("is_superuser", True),
    ],
)
def test_wrong_values_are_refused_at_their_field(super_admin, field, value):
    response = super_admin.post("/api/applications", {**NEW, field: value})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {field}


def test_all_that_is_wrong_is_one_answer(super_admin, made):
    wrong = {
        "name": "grafana",  # taken
        "slug": "admin",
        "kind": "secret",
        "redirect_uris": ["http://lab.example/", "https://lab.example/#x"],
        "backchannel_logout_uri": "http://169.254.169.254/",
        "home_url": "javascript:alert(1)",
        "roles": ["Nobody"],
        "signing_alg": "none",
        "access_token_minutes": 0,
        "service_account": "nobody",
        "device_grant": "yes",
        "colour": "red",
    }
    response = super_admin.post("/api/applications", wrong)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == set(wrong)
    assert len(response.json()["errors"]["redirect_uris"]) == 2
    # Without what its shape refuses, the services find the same.
    shaped = {name: wrong[name] for name in ("name", "slug", "redirect_uris", "roles", "home_url", "service_account")}
    response = super_admin.post("/api/applications", shaped)
    assert (response.status_code, set(response.json()["errors"])) == (400, set(shaped))
    path = f"/api/applications/{made['application']['id']}"
    del wrong["slug"], wrong["kind"]
    response = super_admin.patch(path, wrong)
    assert set(response.json()["errors"]) == {*wrong} - {"name"}, "its own name isn't taken"
    both = super_admin.post("/api/applications", {**NEW, "name": "GRAFANA"})
    assert (both.status_code, set(both.json()["errors"])) == (409, {"name", "slug"})


@pytest.mark.parametrize("field", ["name", "slug"])
def test_a_taken_name_is_a_conflict(super_admin, made, field):
    other = {**NEW, "name": "Other", "slug": "other", field: NEW[field]}
    response = super_admin.post("/api/applications", other)
    assert response.status_code == 409
    assert set(response.json()["errors"]) == {field}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_left_out_stays_as_it_is(super_admin, made, method):
    path = f"/api/applications/{made['application']['id']}"
    response = super_admin.call(method, path, {"roles": [], "access_token_minutes": 30})
    assert response.status_code == 200
    application = {**made["application"], "roles": [], "access_token_minutes": 30, "updated_at": TIME}
    assert response.json() == {"message": "Application updated successfully", "application": application}
    for field in ("slug", "kind", "client_id", "id", "client_secret"):
        assert super_admin.call(method, path, {field: "x"}).json()["errors"][field][0] != "Unknown field."


def test_a_change_from_an_old_version_is_refused(super_admin, made):
    path = f"/api/applications/{made['application']['id']}"
    tag = super_admin.get(path)["ETag"]
    assert super_admin.patch(path, {"description": "Charts"}, HTTP_IF_MATCH=tag).status_code == 200
    for call in (
        super_admin.patch(path, {"description": "x"}, HTTP_IF_MATCH=tag),
        super_admin.delete(path, HTTP_IF_MATCH=tag),
    ):
        assert (call.status_code, call.json()["code"]) == (412, "precondition_failed")


def test_delete(super_admin, made):
    path = f"/api/applications/{made['application']['id']}"
    response = super_admin.delete(path)
    assert (response.status_code, response.json()) == (200, {"message": "Application deleted successfully"})
    assert super_admin.get(path).status_code == 404


def test_a_list_is_searched_filtered_sorted_and_cut_into_pages(super_admin, cast):
    charts = make_application("Charts", "researcher", description="Figures of runs")
    make_application("LIMS", "manager", "researcher", is_active=False)
    make_application("Archive")
    make_sign_in(charts, cast.researcher)

    def found(query):
        return [entry["name"] for entry in super_admin.get(f"/api/applications{query}").json()["applications"]]

    assert found("") == ["Archive", "Charts", "LIMS"]
    assert found("?sort=-name&per_page=2") == ["LIMS", "Charts"]
    assert found("?per_page=2&page=2") == ["LIMS"]
    assert found("?search=FIGURES") == ["Charts"]
    assert found(f"?search={charts.client_id}") == ["Charts"]
    assert found("?role=Manager") == found("?role=manager") == ["LIMS"]
    assert found("?role=nobody") == []
    assert found("?status=inactive") == ["LIMS"]
    body = super_admin.get("/api/applications?search=charts").json()
    assert {key: body[key] for key in ("total", "page", "per_page", "pages")} == {
        "total": 1,
        "page": 1,
        "per_page": 10,
        "pages": 1,
    }
    assert body["applications"][0]["sign_in_count"] == 1
    for query in ("?status=new", "?sort=secret_hash", "?page=0", "?x=1"):
        assert super_admin.get(f"/api/applications{query}").status_code == 400


def test_a_new_secret(super_admin, made):
    path = f"/api/applications/{made['application']['id']}"
    response = super_admin.post(f"{path}/secret", {"keep_old_hours": 2})
    body = response.json()
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert (body["message"], body["client_secret"]) == ("Secret created successfully", SECRET)
    assert body["client_secret"] != made["client_secret"]
    assert body["application"]["previous_secret_expires_at"] == TIME
    for hours in (25, -1, "1", 1.5, None):
        assert super_admin.post(f"{path}/secret", {"keep_old_hours": hours}).status_code == 400
    own = "/api/applications/self/permissions"
    assert Caller().get(own, **by_secret(made)).status_code == 200
    assert super_admin.post(f"{path}/secret", {}).status_code == 200
    assert Caller().get(own, **by_secret(made)).status_code == 401


def test_its_permissions_are_replaced_by_people_and_by_itself(super_admin, made):
    path = f"/api/applications/{made['application']['id']}/permissions"
    entry = {**RUN, "name": "grafana.run_start", "is_retired": False}
    first = super_admin.put(path, {"permissions": [RUN]})
    assert first.status_code == 200
    assert first.json() == {"permissions": [entry], "added": ["grafana.run_start"], "kept": [], "retired": []}
    own = "/api/applications/self/permissions"
    again = Caller().put(own, {"permissions": [RUN]}, **by_secret(made))
    assert again.json() == {"permissions": [entry], "added": [], "kept": ["grafana.run_start"], "retired": []}
    assert super_admin.get(path).json() == Caller().get(own, **by_secret(made)).json() == {"permissions": [entry]}
    assert super_admin.put(path, {"permissions": []}).json()["retired"] == ["grafana.run_start"]


@pytest.mark.parametrize(
    "permissions",
    [
        None,
        {},
        [7],
        [{}],
        [{**RUN, "name": "x"}],
        [{**RUN, "resource": 7}],
        [{**RUN, "resource": "Run"}],
        [{**RUN, "description": ""}],
        [RUN, RUN],
        [{**RUN, "action": f"a{number}"} for number in range(501)],
    ],
)
def test_permissions_that_are_none_are_refused(super_admin, made, permissions):
    path = f"/api/applications/{made['application']['id']}/permissions"
    response = super_admin.put(path, {"permissions": permissions})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"permissions"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"app_x:rps_y").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Bearer x",
    ],
)
def test_who_is_no_application_is_refused_with_the_way_in(made, header):
    response = Caller().get("/api/applications/self/permissions", **({"HTTP_AUTHORIZATION": header} if header else {}))
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Basic ")
    assert error_of(response) == {"error": "Invalid client credentials", "code": "invalid_client"}


def test_secrets_are_not_guessed_without_end(made, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "client_secret": "3 per 15 minutes"}
    from accounts.throttling import rate_limits

    rate_limits.limit_of.cache_clear()
    guesses = [Caller().get("/api/applications/self/permissions", **by_secret(made, "rps_x")) for _ in range(5)]
    assert [guess.status_code for guess in guesses] == [401, 401, 401, 429, 429]
    rate_limits.limit_of.cache_clear()


def test_a_key_reads_and_changes_applications_within_its_scopes(super_admin, made):
    scopes = ["settings_read"]
    token = super_admin.post("/api/auth/keys", {"name": "Reader", "scopes": scopes}).json()["token"]
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert Caller().get("/api/applications", **bearer).status_code == 200
    assert Caller().post("/api/applications", {**NEW, "name": "B", "slug": "bb"}, **bearer).status_code == 403
    assert Role.objects.exists()
