"""Requests of the hostile suite from those who aren't who they say, may less than they try, or were tricked."""

import base64
import json
import re
import time
from itertools import count
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core import signing
from django.urls import resolve

from reprotech.route_access import GUARDED_ELSEWHERE, all_routes
from reprotech.testing.cast import NOBODY
from reprotech.tests.security.attack_lab import FORM, JSON, Shot
from reprotech.tests.security.test_access_matrix import PAGES, SESSION, rows
from reprotech.tests.security.test_route_walk import PUBLIC_FOR_A_REASON

#: Elsewhere than where credentials themselves are the subject, a route meets one of so many.
SHARE = 3
REFUSED = frozenset({301, 302, 400, 401, 403, 404, 405, 413, 415, 422})
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def route_shots():
    """(route, address with ids left open, methods) of every address that is not public."""
    for route in all_routes():
        if route.path in PUBLIC_FOR_A_REASON or not route.access:
            continue
        methods = [method.upper() for method in route.access] if "*" not in route.access else ["GET", "POST"]
        yield route.path, "/" + route.path, methods
    for method, address, _ in rows(PAGES):
        if address.startswith(tuple(f"/{path}" for path in GUARDED_ELSEWHERE)):
            yield resolve(address).route, address, [method]


def filled(address, ids):
    """An address with real ids in it."""
    texts = {"name": "user_read", "user": "the-victim", "link_token": "c0ffee", "role": "viewer"}
    of_nobody = dict.fromkeys(("passkey_id", "filter_id", "exclusion_id", "exception_id", "grant_id"), 1)
    known = {**ids, **texts, **of_nobody}
    address = re.sub(r"<\w+:(\w+)>", lambda found: str(known[found[1]]), address)
    return address.replace(str(NOBODY), str(ids["user_id"])).replace(SESSION, ids["session_id"])


def body_for(method, address):
    """A body as a program would send it, for what takes one."""
    if method not in WRITES:
        return {}, None
    return (JSON, "{}") if address.startswith("/api/") else (FORM, "name=x")


# Who isn't who they say


def forged_credentials(lab):
    """Headers that name somebody and prove nothing."""
    env, genuine = lab.server.env, lab.admin["access_token"]
    claims = jwt.decode(genuine, options={"verify_signature": False})
    header, payload, signature = genuine.split(".")
    now = int(time.time())
    secret = env["JWT_SECRET_KEY"]
    foreign = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    tokens = [
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, "x" * 48, algorithm="HS256"),
        jwt.encode(claims, env["SECRET_KEY"], algorithm="HS256"),
        jwt.encode(claims, env["AUDIT_SIGNING_KEY"], algorithm="HS256"),
        jwt.encode(claims, secret, algorithm="HS512"),
        jwt.encode(claims, foreign, algorithm="EdDSA", headers={"kid": jwt.get_unverified_header(genuine)["kid"]}),
        jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "../../../dev/null"}),
        jwt.encode({**claims, "iat": now - 7200, "exp": now - 3600}, secret),
        jwt.encode({**claims, "exp": now + 10**8}, secret),
        jwt.encode({**claims, "sid": str(uuid4())}, secret),
        jwt.encode({**claims, "type": "refresh"}, secret),
        jwt.encode({**claims, "user_id": lab.ids["user_id"]}, secret),
        lab.admin["refresh_token"],
        f"{header}.{part({**claims, 'user_id': 1, 'roles': ['Super Administrator']})}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-2]}",
        lab.victim_key[:-1] + ("a" if lab.victim_key[-1] != "a" else "b"),
        "rpt_00000000_" + "A" * 43,
        "x" * 6_000,
        "",
    ]
    found = [{"Authorization": f"Bearer {token}"} for token in tokens]
    found += [{"Authorization": value} for value in (f"Basic {genuine}", "Basic YWRtaW46YWRtaW4=", "\xff\xfe", genuine)]
    session = {"sid": str(claims["sid"]), "user": 1}
    salt = "django.contrib.sessions.backends.signed_cookies"
    cookies = [
        signing.dumps(session, key="x" * 48, salt=salt, compress=True),
        # The right key, but the session of a token, or of nobody.
        signing.dumps(session, key=env["SECRET_KEY"], salt=salt, compress=True),
        signing.dumps({**session, "sid": str(uuid4())}, key=env["SECRET_KEY"], salt=salt, compress=True),
        signing.dumps({"sid": ["x"], "user": {}}, key=env["SECRET_KEY"], salt=salt, compress=True),
        lab.admin_browser.session[:-3] + "abc",
        genuine,
        "\xff" * 20,
    ]
    return found + [{"Cookie": f"reprotech_session={cookie}"} for cookie in cookies]


def part(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def forgeries(lab):
    credentials = forged_credentials(lab)
    # Pages look at the cookie alone: a few tokens show that.
    for_pages = [headers for position, headers in enumerate(credentials) if "Cookie" in headers or position % 5 == 0]
    turns = count()
    for _, address, methods in route_shots():
        path = filled(address, lab.ids)
        share = 1 if address.startswith(("/api/auth/", "/oauth/")) else SHARE
        offered = credentials if address.startswith("/api/") else for_pages
        for method in methods:
            kind, body = body_for(method, address)
            # They take turns, tokens and cookies at each: one place looks at them for all routes.
            for headers in offered[next(turns) % share :: share]:
                yield Shot("forged", method, path, {**kind, **headers}, body, REFUSED)


# Who may less than they try


def trespasses(lab):
    """A Viewer, by token, key and page, at everything that is somebody else's or needs a permission."""
    bearer = {"Authorization": f"Bearer {lab.viewer['access_token']}"}
    key = {"Authorization": f"Bearer {lab.viewer_key}"}
    page = {"Cookie": lab.viewer_browser.cookie, "X-CSRFToken": lab.viewer_browser.csrf}
    turns = count()
    open_to_all = {route.path for route in all_routes() if set((route.access or {}).values()) & SIGNED_IN_MARKS}
    for route, address, methods in route_shots():
        path, is_own = filled(address, lab.ids), route in open_to_all
        if is_own and "<" not in route:
            continue
        for method in methods:
            kind, body = body_for(method, address)
            for headers in (bearer, key, page):
                yield Shot("trespass", method, path, {**kind, **headers}, body, REFUSED)
                override = ("DELETE", "PUT")[next(turns) % 2]
                names = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
                every = {**kind, **headers, **dict.fromkeys(names, override)}
                yield Shot("override", method, f"{path}?_method={override}", every, body, REFUSED)


SIGNED_IN_MARKS = {"signed_in", "signed_in_to_change_password", "signed_in_to_add_factor"}


def mass_assignments(lab):
    """Fields that nobody may set, by a Viewer of themselves and by the one who may set others."""
    fields = "is_superuser is_staff is_system id password_hash locked_at user_permissions __proto__ constructor slug"
    fields = f"{fields} created_at session user_id must_change_password is_service".split()
    targets = [("PATCH", "/api/users/{user_id}"), ("PUT", "/api/users/{user_id}"), ("POST", "/api/roles")]
    for person, who in ((lab.viewer, "viewer"), (lab.admin, "admin")):
        headers = {**JSON, "Authorization": f"Bearer {person['access_token']}"}
        for name in fields:
            for method, path in targets:
                body = json.dumps({"first_name" if "users" in path else "name": "Mass", name: True})
                yield Shot(f"mass {who}", method, path.format(**lab.ids), headers, body, frozenset({400, 403}))
            for path in ("/api/auth/change-password", "/api/auth/keys"):
                yield Shot(f"mass {who}", "POST", path, headers, json.dumps({name: 1}), frozenset({400}))


def foreign_forms(lab):
    """Forms that another site makes a Super Administrator's browser send."""
    cookie, csrf = lab.admin_browser.cookie, lab.admin_browser.csrf
    attempts = [
        {"Cookie": cookie},
        {"Cookie": cookie, "X-CSRFToken": "x" * 64},
        {"Cookie": cookie, "X-CSRFToken": csrf, "Origin": "https://evil.example"},
        {"Cookie": cookie, "X-CSRFToken": csrf, "Origin": "null"},
        {"Cookie": cookie.replace(csrf, "y" * 32), "X-CSRFToken": csrf},
    ]
    for _, address, methods in route_shots():
        for method in set(methods) & set(WRITES):
            kind, body = body_for(method, address)
            for number, headers in enumerate(attempts):
                allowed = frozenset({403, 404, 405, 415})
                yield Shot(f"csrf {number}", method, filled(address, lab.ids), {**kind, **headers}, body, allowed)


ALL = (forgeries, trespasses, mass_assignments, foreign_forms)
