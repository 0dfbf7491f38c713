"""The programs of docs/modules.md sign people in at a running server as the guide says."""

import os
import re
import subprocess
import sys
import threading
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from reprotech.testing.cast import eventually
from reprotech.testing.plugin import ROOT
from reprotech.testing.servers import free_port, wait_for
from sso.tests.support.running import PASSWORD, Lab, Person

# What a program does is the same on every stack.
pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.slow]
GUIDE = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
#: By the file's name, which their first line says.
PROGRAMS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", GUIDE, re.DOTALL))
(PAGE,) = re.findall(r"```html\n(.*?)```", GUIDE, re.DOTALL)
(REGISTER,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
DJANGO_SETTINGS = """
SECRET_KEY = "0123456789" * 5
DEBUG = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
ROOT_URLCONF = "lab_urls"
USE_TZ = True
"""
DJANGO_URLS = """
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import include, path
import reprotech_login

@login_required
def home(request):
    groups = sorted(group.name for group in request.user.groups.all())
    return JsonResponse({"name": request.user.get_full_name(), "groups": groups})

urlpatterns = [path("", home), path("", include(reprotech_login))]
"""


@pytest.fixture(scope="module")
def lab(server):
    lab = Lab(server.env["PUBLIC_URL"])
    lab.add_person("hugo.li", "Researcher")
    return lab


class Module:
    """A program of the guide in a process of its own, which knows nothing of ours."""

    def __init__(self, lab, processes, home, name):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home, self.log, self._processes = home, home / "output", processes
        callback = f"{self.url}/callback"
        addresses = {"redirect_uris": [callback], "backchannel_logout_uri": f"{self.url}/backchannel-logout"}
        application, secret = lab.add_application(name, **addresses)
        self.variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "SECRET_KEY": "0123456789" * 4,
            "OIDC_ISSUER": lab.url,
            "OIDC_CLIENT_ID": application["client_id"],
            "OIDC_CLIENT_SECRET": secret,
            "OIDC_REDIRECT_URI": callback,
        }

    def start(self, *command):
        process = self._processes.start([sys.executable, *command], self.log, env=self.variables, cwd=self.home)
        wait_for(process, self.log, lambda: requests.get(f"{self.url}/nothing-here", timeout=9))
        return process


def test_flask(lab, processes, tmp_path):
    """With permissions of its own, which the guide's command registers, and signed out from here."""
    (tmp_path / "app.py").write_text(PROGRAMS["app.py"])
    made = Module(lab, processes, tmp_path, "Flask program")
    done = subprocess.run(["bash", "-c", REGISTER], env=made.variables, check=True, capture_output=True, text=True)
    assert "flaskprogram.sample_move" in done.stdout, done.stdout
    role = next(one for one in lab.call("GET", "/api/roles")["roles"] if one["name"] == "Researcher")
    names = [*role["permissions"], "flaskprogram.sample_move"]
    lab.call("PATCH", f"/api/roles/{role['id']}", {"permissions": names})
    process = made.start("-m", "flask", "run", "--port", str(made.port))
    person = Person("hugo.li")
    told = {"username": "hugo.li", "roles": ["researcher"], "may": ["sample_move"]}
    assert person.open(made.url).json() == told
    assert person.browser.get(made.url, timeout=30).json() == told
    for forged in ({"logout_token": "x.y.z"}, {"logout_token": ""}):
        assert requests.post(f"{made.url}/backchannel-logout", forged, timeout=30).status_code == 400
    person.sign_out(lab.url)
    assert eventually(lambda: person.browser.get(made.url, allow_redirects=False, timeout=30).status_code == 302)
    processes.stop(process)
    lab.call("PATCH", f"/api/roles/{role['id']}", {"permissions": role["permissions"]})


def test_django(lab, processes, tmp_path):
    (tmp_path / "lab_settings.py").write_text(DJANGO_SETTINGS + PROGRAMS["settings.py"])
    (tmp_path / "reprotech_login.py").write_text(PROGRAMS["reprotech_login.py"])
    (tmp_path / "lab_urls.py").write_text(DJANGO_URLS)
    made = Module(lab, processes, tmp_path, "Django program")
    made.variables["DJANGO_SETTINGS_MODULE"] = "lab_settings"
    made.variables["PYTHONPATH"] = str(tmp_path)
    subprocess.run([sys.executable, "-m", "django", "migrate"], env=made.variables, cwd=tmp_path, check=True)
    process = made.start("-m", "django", "runserver", "--noreload", str(made.port))
    answer = Person("hugo.li").open(made.url)
    assert answer.json() == {"name": "Hugo Li", "groups": ["researcher"]}
    processes.stop(process)


def test_a_single_page(lab, new_page, tmp_path):
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/plates.html"
        application, _ = lab.add_application("Plates", kind="public", redirect_uris=[address])
        text = PAGE.replace("ISSUER", lab.url).replace("CLIENT_ID", application["client_id"])
        (tmp_path / "plates.html").write_text(text)
        page = new_page()
        page.goto(address)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Username").fill("hugo.li")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_text("Hugo Li (researcher)").wait_for()
        assert page.url == address
        server.shutdown()


def test_an_instrument_without_a_browser(lab, tmp_path):
    application, _ = lab.add_application("Balance 5", kind="public", redirect_uris=[], device_grant=True)
    (tmp_path / "instrument.py").write_text(PROGRAMS["instrument.py"])
    variables = {"PATH": os.environ["PATH"], "OIDC_ISSUER": lab.url, "OIDC_CLIENT_ID": application["client_id"]}
    command = [sys.executable, tmp_path / "instrument.py"]
    instrument = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    address, code = re.search(r"Open (\S+) and type (\S+)", instrument.stdout.readline()).groups()
    person = Person("hugo.li")
    page = person.open(address)
    for _ in ("the code", "the question"):
        page = submit(person, page, code)
    assert instrument.communicate(timeout=60)[0] == "Hello Hugo Li\n"
    assert instrument.returncode == 0


def submit(person, page, code):
    """Send the form of the page, with the code where it asks for one."""
    form = re.search(r'<form[^>]*action="(/device[^"]*)".*?</form>', page.text, re.DOTALL)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    fields = {name: unescape(value) for name, value in hidden}
    if found := re.search(r'name="(\w*code)"', form[0]):
        fields.setdefault(found[1], code)
    if button := re.search(r'<button[^>]*name="(\w+)"[^>]*value="(\w+)"', form[0]):
        fields[button[1]] = button[2]
    address = requests.compat.urljoin(page.url, unescape(form[1]))
    return person.browser.post(address, fields, headers={"Referer": page.url}, timeout=30)


def test_a_program_that_works_by_itself(lab, tmp_path):
    lab.call(
        "POST", "/api/users", {"username": "lims", "email": "l@lab.example", "is_service": True, "roles": ["Viewer"]}
    )
    application, secret = lab.add_application("LIMS", redirect_uris=[], service_account="lims")
    (tmp_path / "nightly.py").write_text(PROGRAMS["nightly.py"])
    variables = {"OIDC_ISSUER": lab.url, "OIDC_CLIENT_ID": application["client_id"], "OIDC_CLIENT_SECRET": secret}
    done = subprocess.run(
        [sys.executable, tmp_path / "nightly.py"], env=variables, check=True, capture_output=True, text=True
    )
    proof = (application["client_id"], secret)
    told = requests.post(f"{lab.url}/oauth/introspect", {"token": done.stdout.strip()}, auth=proof, timeout=30).json()
    assert told["active"] is True
