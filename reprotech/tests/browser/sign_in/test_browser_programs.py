"""From a program through everything that a sign-in can ask for and back to it, in Chromium without JavaScript."""

import re
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from benchmarks.faults.http_client import Client
from reprotech.testing.cast import PASSWORD
from reprotech.tests.support.mfa_devices import App
from sso.tests.support.wire_program import WireProgram

# What the browser does is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

GIVEN, LAST = "Other-Horse-8", "Third-Horse-9"


@pytest.fixture
def callback():
    """The address of a program of another origin, which says that people have arrived."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<!DOCTYPE html><title>Program</title><h1>Arrived at the program</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/callback"
    server.shutdown()
    server.server_close()


class Lab:
    """The server, by its API as its administrator, and a program that is registered there."""

    def __init__(self, port, callback):
        self.port, self.client = port, Client(port, timeout=60)
        body = {"username": "admin", "password": "Admin123!"}
        self.admin = self.client.ask("POST", "/api/auth/login", body).body["access_token"]
        name = f"p{secrets.token_hex(4)}"
        made = self.ask(
            "POST",
            "/api/applications",
            {"name": name, "slug": name, "kind": "confidential", "redirect_uris": [callback]},
        )
        self.program = WireProgram(port, made["application"], made["client_secret"], callback)

    def ask(self, method, path, body=None):
        answer = self.client.ask(method, path, body, self.admin)
        assert answer.is_good, answer
        return answer.body

    def make_user(self):
        name = f"person-{secrets.token_hex(4)}"
        body = {"username": name, "email": f"{name}@lab.example", "password": PASSWORD, "roles": ["Viewer"]}
        return self.ask("POST", "/api/users", body)["user"]


@pytest.fixture
def lab(server, callback):
    return Lab(int(server.env["PORT"]), callback)


def sign_in(page, user, password):
    page.locator("[name=username]").fill(user["username"])
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def change_password(page, old, new):
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    page.locator("[name=current_password]").fill(old)
    page.locator("[name=new_password]").fill(new)
    page.locator("[name=repeated]").fill(new)
    page.get_by_role("button", name="Change password").click()


def expect_arrived(page, lab):
    expect(page.get_by_role("heading", name="Arrived at the program")).to_be_visible()
    code = re.search(r"[?&]code=([^&]+)", page.url)[1]
    status, tokens = lab.program.redeem(code)
    assert status == 200, tokens
    return lab.program.claims(tokens["id_token"])[1]


@pytest.mark.parametrize("has_javascript", [False, True], ids=["without JavaScript", "with JavaScript"])
def test_through_second_factor_and_forced_change_of_password_to_the_program(new_page, lab, has_javascript):
    user = lab.make_user()
    page = new_page(java_script_enabled=has_javascript)
    page.goto(lab.program.address())
    sign_in(page, user, PASSWORD)
    expect_arrived(page, lab)
    # A second factor, and a password that was reset.
    page.goto(f"http://127.0.0.1:{lab.port}/profile/security/app")
    app = App(page.locator("code.key").inner_text().replace(" ", ""))
    page.locator("[name=code]").fill(app.code())
    page.get_by_role("button", name="Set up the app").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    lab.ask("POST", f"/api/users/{user['id']}/reset-password", {"password": GIVEN})
    page = new_page(java_script_enabled=has_javascript)
    page.goto(lab.program.address(login_hint=user["username"]))
    expect(page.locator("[name=username]")).to_have_value(user["username"])
    sign_in(page, user, GIVEN)
    expect(page.get_by_role("heading", name="Two-step verification")).to_be_visible()
    page.locator("[name=code]").first.fill(app.code(ahead=1))
    page.get_by_role("button", name="Sign in", exact=True).click()
    change_password(page, GIVEN, LAST)
    claims = expect_arrived(page, lab)
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    # Signed in already: straight on; and asked once more where the program wants that.
    page.goto(lab.program.address())
    expect_arrived(page, lab)
    page.goto(lab.program.address(prompt="login"))
    expect(page.get_by_role("heading", name="Confirm your password")).to_be_visible()
    page.locator("[name=password]").fill(LAST)
    page.get_by_role("button", name="Continue").click()
    expect_arrived(page, lab)
