"""Requests of the hostile suite that make no sense, sent by those whom nothing else stops."""

import json
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprotech.testing.cast import NOBODY
from reprotech.tests.requests.test_bad_input import NO_OBJECT, NOT_JSON
from reprotech.tests.security.attack_lab import FORM, JSON, Shot
from reprotech.tests.security.forged_identities import filled, route_shots

INJECTIONS = [
    *("' OR '1'='1", "'; DROP TABLE users; --", '" OR ""="', "1) UNION SELECT null--", "admin'--", "\\", "%", "_", "*"),
    *("{{1234567*7}}", "{% debug %}", "${1234567*7}", "<%= 1234567*7 %>", "#{1234567*7}", "{{request.user.password}}"),
    *("=1234567*7", "+cmd|' /C calc'!A0", "@SUM(A1)", "<script>alert(1)</script>", "\"'><img src=x onerror=a>"),
    *("../../../../etc/passwd", "..\\..\\windows\\win.ini", "file:///etc/passwd", "http://169.254.169.254/", "$(id)"),
    *("; id", "| id", "`id`", "%00", "\x00", "\n\nFORGED: line", "\r\nX-Evil: 1", "\u202eevil", "\ud800", "🧪" * 200),
    *("9" * 5_000, "-1", "1e309", "NaN", "true", "null", "[]", "{}", "A" * 20_000, "%s%s%n", "(" * 500, "a\u0300" * 99),
]
#: For these a server may refuse the whole form, unread.
NO_TEXT = ("\x00", "\ud800")
#: Lists that take ten times as long to show as to answer by the API.
PAGES = {"/users", "/audit", "/permissions/user_read", "/admin/accounts/user/"}


def bodies(lab):
    """Bodies that no program should send, by the one whom nothing else stops."""
    bearer = {"Authorization": f"Bearer {lab.admin['access_token']}"}
    kinds = "text/plain text/xml multipart/form-data application/json;charset=utf-16 image/png json \xff".split()
    for _, address, methods in route_shots():
        for method in set(methods) & {"POST", "PUT", "PATCH"} if address.startswith("/api/") else ():
            path = filled(address, lab.ids)
            for body in (*NOT_JSON.values(), *NO_OBJECT.values()):
                yield Shot("body", method, path, {**JSON, **bearer}, body, frozenset({400, 413, 415}))
            for kind in kinds:
                yield Shot("type", method, path, {"Content-Type": kind, **bearer}, '{"x": 1}', frozenset({400, 415}))
    for path in ("/api/auth/login", "/api/auth/login/mfa", "/api/auth/refresh"):
        for body in (*NOT_JSON.values(), *NO_OBJECT.values()):
            yield Shot("body", "POST", path, JSON, body, frozenset({400}))


def queries(lab):
    """Everything in every filter of every list, by the one who may see all; on its page in every other filter."""
    page = {"Cookie": lab.admin_browser.cookie}
    lists = {
        "/api/users": "search role status kind sort page per_page",
        "/api/audit": "user action resource ip_address from to outcome request_id session search page",
        "/api/audit/export": "format user from",
        "/api/users/export": "search role",
        "/api/users/analytics": "days",
        "/api/audit/consistency": "old new",
        "/users": "search role status sort page",
        "/audit": "user action from to search page",
        "/permissions/user_read": "search page",
        "/admin/accounts/user/": "q o p e",
        "/login": "next",
        "/": "x",
    }
    for path, names in lists.items():
        for position, name in enumerate(names.split()):
            for text in INJECTIONS[position % 2 :: 2] if path in PAGES else INJECTIONS:
                value = quote(text.encode(errors="surrogatepass")[:6_000])
                yield Shot("filter", "GET", f"{path}?{name}={value}", page)
                if name == "next":
                    yield Shot("filter", "GET", f"{path}?next=/{value}", page)
    for path in lists:
        for text in ("\x00", "9" * 400, "' OR 1=1", "[]", "__class__"):
            yield Shot("filter", "GET", f"{path}?{quote(text)}=1&{quote(text)}=2", page)


def paths(lab):
    """Addresses that lead out of where they should, or nowhere."""
    bearer = {"Authorization": f"Bearer {lab.admin['access_token']}"}
    tricks = ".. ../.. ..%2f..%2fetc%2fpasswd %2e%2e/%2e%2e/settings.py ....// %00 %0aFORGED-LINE %ff ~ .env ;x=1 %3Fx"
    tricks = [*f"{tricks} %5c..%5c %0d%0aX-Evil:%201 %E2%80%AE %F0%9F%A7%AA".split(), "9" * 5_000, "a/" * 500]
    roots = "/ /static/ /api/ /api/users/ /users/ /set-password/ /set-password/MQ/ /admin/ /.well-known/ /audit/"
    for root in roots.split():
        for trick in tricks:
            for method in ("GET", "DELETE"):
                yield Shot("path", method, root + trick, bearer)
    for path in "/.git/config /.env /manage.py /static/../.env //evil.example/ /debug /server-status".split():
        yield Shot("path", "GET", path, {}, None, frozenset({301, 302, 400, 404}))


def header_tricks(lab):
    """Headers that lie about where a request came from or went to, or are too long."""
    bearer = {"Authorization": f"Bearer {lab.viewer['access_token']}"}
    hosts = [
        "a b",
        *"evil.example 127.0.0.1.evil.example 127.0.0.1@evil.example [::1 \xff 127.0.0.1:x".split(),
        "x" * 300,
    ]
    for path in ("/", "/login", "/api/users", "/api/auth/login", "/set-password", "/static/x", "/metrics"):
        for host in hosts:
            yield Shot("host", "GET", path, {"Host": host}, None, frozenset({400}))
            yield Shot("host", "GET", path, {"X-Forwarded-Host": host, **bearer})
        for name in "X-Forwarded-For X-Real-IP Forwarded X-Original-URL X-Rewrite-URL X-Forwarded-Prefix".split():
            for value in ("127.0.0.1", "127.0.0.1, ::1", "for=127.0.0.1", "/api/audit", "' OR 1=1", "x" * 9_000):
                yield Shot("header", "GET", path, {name: value, **bearer})
        for name in ("User-Agent", "Accept", "Accept-Language", "Cookie", "If-Match", "Range", "HX-Request", "Referer"):
            for value in ("\xff\xfe", "x" * 9_000, "{{1234567*7}}", "' OR 1=1", "bytes=0-1,2-3," * 50):
                yield Shot("header", "GET", path, {name: value, **bearer})
    for method in ("TRACE", "CONNECT", "BREW", "PROPFIND", "OPTIONS", "HEAD"):
        for path in ("/api/users", "/users", "/login", "/api/auth/login"):
            yield Shot("method", method, path, bearer)


def generated(lab):
    """What Hypothesis thinks of, for the fields that the schema names. One field is always wrong."""
    schema = lab.call("GET", "/api/schema")
    spoiled = {
        "/api/users": {"email": "nowhere"},
        "/api/roles": {"permissions": ["no_such"]},
        "/api/auth/keys": {"scopes": ["no_such"]},
        "/api/auth/change-password": {"new_password": 7},
        "/api/auth/login": {"otp": 7},
        "/api/auth/introspect": {},
    }
    targets = []
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content and ("{" in path or path in spoiled or "mfa" in path or "refresh" in path):
                name = content["schema"]["$ref"].rpartition("/")[2]
                fields = list(schema["components"]["schemas"][name]["properties"])
                # Of nobody: were a body right, there would be nothing to change.
                address = path.replace("{user_id}", str(NOBODY)).replace("{role_id}", str(NOBODY))
                targets.append((method.upper(), address, fields, spoiled.get(path, {})))
    headers = {**JSON, "Authorization": f"Bearer {lab.admin['access_token']}"}
    text = st.text(max_size=40) | st.text(st.characters(codec=None), max_size=20) | st.sampled_from(INJECTIONS)
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | text
    values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))
    shots = []

    @st.composite
    def fill(draw):
        target = draw(st.sampled_from(targets))
        return target, {name: draw(values) for name in target[2][:8] if draw(st.booleans())}

    @settings(derandomize=True, database=None, deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
    @given(filled=fill())
    def think(filled):
        (method, path, _, poison), body = filled
        allowed = frozenset({200, 400, 401, 404}) if path.endswith("introspect") else frozenset({400, 401, 404, 413})
        shots.append(Shot("generated", method, path, headers, json.dumps({**body, **poison}), allowed))

    think()
    return shots


def page_forms(lab):
    """Forms with everything in every field, by the one who may, each with something that stops it."""
    headers = {**FORM, "Cookie": lab.admin_browser.cookie, "X-CSRFToken": lab.admin_browser.csrf}
    user, role = lab.ids["user_id"], lab.ids["role_id"]
    forms = {
        "/users/new": ("first_name last_name username email", {"roles": "no such role"}),
        f"/users/{user}/edit": ("first_name last_name username email", {"roles": "no such role"}),
        "/roles/new": ("name description", {"permissions": "no_such"}),
        f"/roles/{role}/edit": ("name description", {"permissions": "no_such"}),
        "/profile/keys/new": ("name scopes addresses lifetime", {"scopes": "no_such"}),
        "/password": ("new_password1 new_password2 new_password", {}),
        "/set-password": ("email", {}),
        "/users/selected/assign-role": ("users role", {"role": "no such role"}),
        "/audit/saved": ("query", {"name": "x" * 500}),
    }
    for path, (names, poison) in forms.items():
        for texts in mixtures(names.split()):
            encoded = {name: text.encode(errors="surrogatepass")[:20_000] for name, text in texts.items()}
            yield Shot("form", "POST", path, headers, urlencode({**poison, **encoded}))


def mixtures(names):
    """Each text in each field once: with others in the other fields, as a form looks at all whatever is wrong."""
    for name in names:
        yield from ({name: text} for text in NO_TEXT)
    mixed = [text for text in INJECTIONS if text not in NO_TEXT]
    for first in range(len(mixed)):
        yield {name: mixed[(first + 7 * position) % len(mixed)] for position, name in enumerate(names)}


ALL = (bodies, queries, paths, header_tricks, generated, page_forms)
