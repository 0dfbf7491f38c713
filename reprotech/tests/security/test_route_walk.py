"""Every address declares its access, stands in the access matrix, and is public only with a reason."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path, resolve
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from accounts.core.catalogue import PERMISSION_NAMES
from audit.models import AuditLog
from reprotech.route_access import GUARDED_ELSEWHERE, all_routes, declared_access
from reprotech.testing.client import error_of, page_client
from reprotech.tests.security.api_access import API
from reprotech.tests.security.test_access_matrix import PAGES, rows
from reprotech.web.access import PUBLIC, SIGNED_IN, SIGNED_IN_TO_ADD_FACTOR, SIGNED_IN_TO_CHANGE_PASSWORD, requires

PUBLIC_FOR_A_REASON = {
    "login": "whoever signs in isn't signed in yet",
    "login/verify": "there is no session before the second step is done",
    "login/passkey": "whoever signs in isn't signed in yet",
    "login/passkey/options": "whoever signs in isn't signed in yet",
    "set-password": "whoever was invited has no password yet",
    "set-password/<str:user>/<str:link_token>": "the link of an invitation or a reset",
    ".well-known/change-password": "it only tells password managers where to go",
    "forgot-password": "whoever forgot the password can't sign in",
    "forgot-password/sent": "as before",
    "confirm-email": "the mail may be read where one isn't signed in; the link itself is the proof",
    "confirm-email/<str:user>/<str:link_token>": "as before",
    "scheme": "a choice of colours, kept in a cookie",
    "api/auth/login": "whoever signs in isn't signed in yet",
    "api/auth/login/mfa": "there is no session before the second step is done",
    "api/auth/refresh": "the access token may have expired",
    ".well-known/jwks.json": "public keys are for everybody",
    "api/applications/self/permissions": "an application proves itself by its secret, and has no account",
    ".well-known/openid-configuration": "it says where the provider of single sign-on is",
    "oauth/jwks": "public keys are for everybody",
    "oauth/authorize": "programs send people who aren't signed in yet, and expect errors of their own",
    "oauth/token": "programs authenticate by their secret and a code",
    "oauth/introspect": "programs authenticate by their secret",
    "oauth/revoke": "as before",
    "oauth/device": "devices prove themselves as programs do",
    "oauth/userinfo": "programs show an access token",
    "oauth/logout": "programs send people whose session may have ended",
    "oauth/logout/confirm": "as before",
    "api/health": "probes have no account",
    "api/health/live": "probes have no account",
    "api/health/ready": "probes have no account",
    "api/schema": "it describes the product and holds no data",
    "api/docs": "it describes the product and holds no data",
    "metrics": "the scraper has a token of its own, or is on this machine",
    "": "what is nowhere else: there is nothing to see",
}
MARKS = {SIGNED_IN, SIGNED_IN_TO_CHANGE_PASSWORD, SIGNED_IN_TO_ADD_FACTOR, PUBLIC}
ROUTES = list(all_routes())


def in_matrix():
    """(route, method) of every row of the access matrix."""
    for method, address, _ in (*rows(API), *rows(PAGES)):
        route = resolve(address).route
        for prefix in GUARDED_ELSEWHERE:
            route = prefix if route.startswith(prefix) else route
        yield route, method


def test_the_walk_finds_the_addresses():
    found = {route.path for route in ROUTES}
    assert {"api/users/<int:user_id>/lock", "login", "metrics", "admin/", "api/health/ready"} <= found
    assert len(ROUTES) > 30


def test_every_address_declares_its_access():
    assert [route.path for route in ROUTES if not route.access] == []


def test_what_is_declared_is_a_permission_or_a_mark():
    declared = {
        access for route in ROUTES if route.path not in GUARDED_ELSEWHERE for access in (route.access or {}).values()
    }
    assert declared <= {*PERMISSION_NAMES, *MARKS}


def test_every_address_and_method_stands_in_the_matrix():
    covered = set(in_matrix())
    paths = {route for route, _ in covered}
    assert [route.path for route in ROUTES if route.path not in paths] == []
    wanted = {(route.path, method.upper()) for route in ROUTES for method in (route.access or {}) if method != "*"}
    assert {entry for entry in wanted if entry[1] != "HEAD"} - covered == set()


def test_only_named_addresses_are_public():
    public = {route.path for route in ROUTES if PUBLIC in (route.access or {}).values()}
    assert public == set(PUBLIC_FOR_A_REASON)


class SilentViewSet(ViewSet):
    """Its actions declare nothing."""

    required_permissions = {"other": SIGNED_IN}

    def list(self, request):
        return Response({"secret": 1})


class MuteViewSet(ViewSet):
    """It knows nothing of required_permissions."""

    def list(self, request):
        return Response({"secret": 1})


class SilentAPIView(APIView):
    """It has no actions."""

    def get(self, request):
        return Response({"secret": 1})


def silent_page(request):
    return HttpResponse("secret")


@requires("no_such_permission")
def misspelt_page(request):
    return HttpResponse("secret")


silent, mute = SilentViewSet.as_view({"get": "list"}), MuteViewSet.as_view({"get": "list"})
SILENT_API = ["/api/silent", "/api/mute", "/api/silent-view"]
urlpatterns = [
    path("silent", silent_page),
    path("misspelt", misspelt_page),
    path("login", silent_page, name="login"),
    path("logout", silent_page, name="logout"),
    path("", silent_page, name="home"),
    path("password", silent_page, name="change_password"),
    path("api/silent", silent),
    path("api/mute", mute),
    path("api/silent-view", SilentAPIView.as_view()),
]
here = pytest.mark.urls(__name__)


@here
@pytest.mark.parametrize("address", SILENT_API)
def test_an_api_view_that_declares_nothing_is_denied_even_to_a_super_administrator(super_admin, address):
    response = super_admin.get(address)
    assert response.status_code == 403
    assert error_of(response) == {
        "error": "Insufficient permissions",
        "code": "permission_denied",
        "required": "undeclared",
    }


@here
@pytest.mark.parametrize("address", SILENT_API)
def test_an_api_view_that_declares_nothing_is_denied_to_the_anonymous(db, anonymous, address):
    assert anonymous.get(address).status_code == 401


@pytest.mark.parametrize("address", ["/silent", "/misspelt"])
def test_a_page_that_declares_nothing_is_denied_even_to_a_super_administrator(cast, settings, address):
    browser = page_client(cast.super_admin)
    settings.ROOT_URLCONF = __name__
    response = browser.get(address)
    assert response.status_code == 403
    assert b"secret" not in response.content
    row = AuditLog.objects.filter(action="access_denied").latest("id")
    assert row.username == "the-super_admin"


@here
@pytest.mark.parametrize("address", ["/silent", "/misspelt"])
def test_a_page_that_declares_nothing_is_denied_to_the_anonymous(db, address):
    response = Client().get(address)
    assert (response.status_code, response["Location"]) == (302, f"/login?next={address}")


@pytest.mark.parametrize("view", [silent_page, silent, mute, SilentAPIView.as_view()])
def test_the_walk_notices_a_view_that_declares_nothing(view):
    assert declared_access(view) is None


def test_one_action_that_declares_nothing_spoils_the_view():
    class HalfSilent(ViewSet):
        required_permissions = {"list": SIGNED_IN}

        def list(self, request):
            return Response()

        def create(self, request):
            return Response()

    assert declared_access(HalfSilent.as_view({"get": "list"})) == {"get": SIGNED_IN}
    assert declared_access(HalfSilent.as_view({"get": "list", "post": "create"})) is None
