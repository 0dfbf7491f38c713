"""JupyterHub with oauthenticator in an environment of its own, without its proxy: its own port is what people open."""

import secrets
import subprocess
import sys
from pathlib import Path

import requests

from reprotech.testing.servers import free_port, wait_for

REQUIREMENTS = Path(__file__).parents[1] / "clients" / "jupyterhub.txt"
#: What the guide's settings leave to the lab, and what lets a test look without a person.
OWN_SETTINGS = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {{}}

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.bind_url = "http://127.0.0.1:{unused}"
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.default_url = "/hub/home"
c.JupyterHub.services = [{{"name": "test", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "test", "scopes": ["admin:users"], "services": ["test"]}}]
# The default is five minutes.
c.Authenticator.auth_refresh_age = 1
"""


def install_jupyterhub(home):
    """The interpreter of the environment; what pip said instead, if the packages can't be had."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = home / "bin" / "python"
    options = ["-qq", "--no-input", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    command = [sys.executable, "-m", "pip", "--python", python, "install", *options, "-r", REQUIREMENTS]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return (python, "") if done.returncode == 0 else (None, done.stderr)


class Hub:
    """A hub, to be started with the settings that an application's page shows."""

    def __init__(self):
        self.port = free_port()
        self.url, self._token = f"http://127.0.0.1:{self.port}", secrets.token_hex(32)

    def start(self, processes, python, home, settings):
        own = OWN_SETTINGS.format(port=self.port, unused=free_port(), token=self._token)
        (home / "jupyterhub_config.py").write_text(settings + own)
        log = home / "output"
        variables = {"PATH": str(python.parent), "HOME": str(home), "JUPYTERHUB_CRYPT_KEY": secrets.token_hex(32)}
        process = processes.start([python, "-m", "jupyterhub"], log, cwd=home, env=variables)
        wait_for(process, log, lambda: requests.get(f"{self.url}/hub/health", timeout=9).raise_for_status())
        return process

    def user(self, username):
        """What it knows of a person; nothing if they have never come."""
        headers = {"Authorization": f"token {self._token}"}
        answer = requests.get(f"{self.url}/hub/api/users/{username}", headers=headers, timeout=30)
        return answer.json() if answer.status_code == 200 else None
