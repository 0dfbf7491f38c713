"""The settings for JupyterHub that an application's page shows, run by JupyterHub and its oauthenticator."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from reprotech.testing.cast import eventually
from reprotech.testing.plugin import require, start_server
from sso.tests.support.jupyterhub import Hub, install_jupyterhub
from sso.tests.support.running import Lab, Person

# What a program does is the same on every stack.
pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.slow]
CALLBACK, SIGNED_OUT = "/hub/oauth_callback", "/hub/login"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    found, said = install_jupyterhub(tmp_path_factory.mktemp("jupyterhub") / "environment")
    require(found, f"JupyterHub, from a package index ({said.strip()[-500:]}),")
    return found


@pytest.fixture(scope="module")
def lab(stack, processes, python):
    server = start_server(processes, stack)
    yield Lab(server.env["PUBLIC_URL"])
    processes.stop(server.process)


@pytest.fixture(scope="module")
def hub(lab, processes, python, tmp_path_factory):
    hub = Hub()
    application, secret = lab.add_application(
        "JupyterHub",
        redirect_uris=[hub.url + CALLBACK],
        post_logout_redirect_uris=[hub.url + SIGNED_OUT],
        roles=["Administrator", "Researcher"],
    )
    page = Person("admin").open(f"{lab.url}/applications/{application['id']}/setup?program=jupyterhub")
    settings = unescape(re.search(r"<pre[^>]*><code>(.*?)</code>", page.text, re.DOTALL)[1])
    settings = settings.replace("CLIENT_SECRET", secret)
    process = hub.start(processes, python, tmp_path_factory.mktemp("hub"), settings)
    yield hub
    processes.stop(process)


def sign_in(hub, person):
    """The page at which one ends who presses the button of the hub's sign-in page."""
    page = person.browser.get(hub.url, timeout=30)
    assert urlsplit(page.url).path == "/hub/login"
    assert "Sign in with Reprotech" in " ".join(page.text.split())
    button = unescape(re.search(r'href=["\']([^"\']*/hub/oauth_login[^"\']*)', page.text)[1])
    return person.open(hub.url + button)


def page_of(hub, person, name):
    """(status, where it leads)."""
    answer = person.browser.get(f"{hub.url}/hub/{name}", allow_redirects=False, timeout=30)
    return answer.status_code, urlsplit(answer.headers.get("Location", "")).path


def test_people_sign_in_and_their_roles_are_their_groups(lab, hub):
    lab.add_person("hugo.li", "Researcher", "Laboratory Technician")
    person = Person("hugo.li")
    page = sign_in(hub, person)
    assert (page.status_code, urlsplit(page.url).path) == (200, "/hub/home"), page.text
    assert "hugo.li" in page.text
    known = hub.user("hugo.li")
    assert sorted(known["groups"]) == ["lab_technician", "researcher"]
    assert known["admin"] is False
    assert page_of(hub, person, "admin")[0] == 403


def test_who_administers_here_administers_the_hub_until_the_role_is_taken(lab, hub):
    user_id = lab.add_person("ada", "Administrator", "Researcher")
    person = Person("ada")
    sign_in(hub, person)
    assert hub.user("ada")["admin"] is True
    assert page_of(hub, person, "admin")[0] == 200
    lab.call("PATCH", f"/api/users/{user_id}", {"roles": ["Researcher"]})
    assert eventually(lambda: page_of(hub, person, "admin")[0] == 403)
    known = hub.user("ada")
    assert (known["admin"], known["groups"]) == (False, ["researcher"])
    assert page_of(hub, person, "home") == (200, "")


def test_who_holds_no_role_that_opens_it_sees_which_to_ask_for(lab, hub):
    lab.add_person("vera", "Viewer")
    person = Person("vera")
    page = sign_in(hub, person)
    assert page.status_code == 403
    assert page.url.startswith(lab.url)
    assert "Researcher" in page.text
    assert hub.user("vera") is None
    assert page_of(hub, person, "home") == (302, "/hub/login")


@pytest.mark.parametrize("loss", ["lock", "role", "sign-out"])
def test_whose_access_ends_here_is_signed_out_there_when_it_asks_again(lab, hub, loss):
    username = f"person-{loss}"
    user_id = lab.add_person(username, "Researcher")
    person = Person(username)
    sign_in(hub, person)
    assert page_of(hub, person, "home") == (200, "")
    if loss == "lock":
        lab.call("POST", f"/api/users/{user_id}/lock", {})
    elif loss == "role":
        lab.call("PATCH", f"/api/users/{user_id}", {"roles": []})
    else:
        person.sign_out(lab.url)
    assert eventually(lambda: page_of(hub, person, "home") == (302, "/hub/login"))


def test_signing_out_there_asks_whether_to_sign_out_here(lab, hub):
    lab.add_person("otto", "Researcher")
    person = Person("otto")
    sign_in(hub, person)
    page = person.open(f"{hub.url}/hub/logout")
    assert page.url.startswith(f"{lab.url}/oauth/logout?")
    assert parse_qs(urlsplit(page.url).query)["post_logout_redirect_uri"] == [hub.url + SIGNED_OUT]
    assert "JupyterHub asks to sign you out" in page.text
    assert page_of(hub, person, "home") == (302, "/hub/login")
