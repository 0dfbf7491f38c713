"""The settings for Apache that an application's page shows, run by Debian's Apache in front of a program."""

import http.server
import json
import re
import threading
from html import unescape

import pytest
import requests

from reprotech.testing.cast import eventually
from reprotech.testing.plugin import require, start_server
from reprotech.testing.servers import free_port
from sso.tests.support.apache import is_installed, start_apache
from sso.tests.support.running import Lab, Person

# What a program in front of us does is the same on every stack.
pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.slow]
CALLBACK = "/oidc/callback"


class Echo(http.server.BaseHTTPRequestHandler):
    """The program: it answers with the headers that it got."""

    def do_GET(self):
        content = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def lab(stack, processes):
    require(is_installed(), "Apache with mod_auth_openidc (apt-get install apache2-bin libapache2-mod-auth-openidc)")
    server = start_server(processes, stack)
    yield Lab(server.env["PUBLIC_URL"])
    processes.stop(server.process)


@pytest.fixture(scope="module")
def program(lab, processes, tmp_path_factory):
    """Where people open the program, behind Apache with the settings that the application's page shows."""
    home, port = tmp_path_factory.mktemp("apache"), free_port()
    address = f"http://127.0.0.1:{port}"
    application, secret = lab.add_application(
        "eLab",
        home_url=address,
        redirect_uris=[address + CALLBACK],
        backchannel_logout_uri=f"{address}{CALLBACK}?logout=backchannel",
        roles=["Researcher"],
    )
    page = Person("admin").open(f"{lab.url}/applications/{application['id']}/setup?program=apache")
    settings = unescape(re.search(r"<pre[^>]*><code>(.*?)</code>", page.text, re.DOTALL)[1])
    settings = settings.replace("CLIENT_SECRET", secret).replace("A_LONG_RANDOM_TEXT_OF_YOUR_OWN", "0123456789" * 4)
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    settings += f"ProxyPass {CALLBACK} !\nProxyPass / http://127.0.0.1:{upstream.server_port}/\n"
    process = start_apache(
        processes, home, port, settings, lambda: requests.get(address, allow_redirects=False, timeout=9)
    )
    yield address
    processes.stop(process)
    upstream.shutdown()
    upstream.server_close()


def signed_in(person, program):
    """Whether Apache lets them in by the session that it has."""
    return person.browser.get(program, allow_redirects=False, timeout=30).status_code == 200


def test_people_sign_in_and_the_program_gets_their_name_and_claims(lab, program):
    lab.add_person("hugo.li", "Researcher")
    answer = Person("hugo.li").open(f"{program}/experiments")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["x-remote-user"] == "hugo.li"
    assert told["oidc_claim_email"] == "hugo.li@lab.example"
    assert told["oidc_claim_given_name"] == "Hugo"
    assert "researcher" in told["oidc_claim_roles"]


def test_what_a_browser_says_of_itself_is_not_believed(lab, program):
    lab.add_person("mallory", "Researcher")
    person = Person("mallory")
    person.open(program)
    lies = {"X-Remote-User": "admin", "OIDC_CLAIM_roles": "super_admin", "OIDC-CLAIM-email": "admin@lab.example"}
    told = person.browser.get(program, headers=lies, timeout=30).json()
    assert told["x-remote-user"] == "mallory"
    assert "super_admin" not in str(told.get("oidc_claim_roles"))
    stranger = requests.get(program, headers=lies, allow_redirects=False, timeout=30)
    assert stranger.status_code == 302
    assert "/oauth/authorize?" in stranger.headers["Location"]


def test_who_holds_no_role_that_opens_it_sees_which_to_ask_for(lab, program):
    lab.add_person("vera", "Viewer")
    answer = Person("vera").open(program)
    assert answer.status_code == 403
    assert "Researcher" in answer.text
    assert "x-remote-user" not in answer.text


@pytest.mark.parametrize("loss", ["lock", "role", "sign-out"])
def test_whose_access_ends_here_is_signed_out_there(lab, program, loss):
    username = f"person-{loss}"
    user_id = lab.add_person(username, "Researcher")
    person = Person(username)
    person.open(program)
    assert signed_in(person, program)
    if loss == "lock":
        lab.call("POST", f"/api/users/{user_id}/lock", {})
    elif loss == "role":
        lab.call("PATCH", f"/api/users/{user_id}", {"roles": []})
    else:
        person.sign_out(lab.url)
    assert eventually(lambda: not signed_in(person, program))
