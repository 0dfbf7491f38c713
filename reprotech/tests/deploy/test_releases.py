"""`scripts/bundle` and `deploy/release`: the guide's own commands, under load; and what they refuse."""

import json
import os
import re
import shlex
import shutil
import socketserver
import subprocess
import sys
import threading
import zipfile
from importlib.metadata import distribution

import pytest
from django.contrib.staticfiles.finders import get_finders

from reprotech.core.key_material import encode_seed, new_seed
from reprotech.release import Release
from reprotech.testing.plugin import ROOT, empty_valkey_database, migrated_database, require
from reprotech.testing.servers import free_port
from reprotech.tests.support.nginx import NAME
from reprotech.tests.support.people import People, Site
from reprotech.tests.support.program_copy import copy_program
from scripts import bundle

pytestmark = pytest.mark.only_on(
    "postgresql"
)  # it is about files and processes, which are the same whatever the database

GUIDE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
SETUP, *_, NEW_VERSION, ROLLBACK, MOVE = re.findall(
    r"^```sh\n(.*?)^```",
    re.search(r"^## A plain server\n(.*?)^## ", GUIDE, re.DOTALL | re.MULTILINE)[1],
    re.DOTALL | re.MULTILINE,
)
PLACES = re.compile(r"(?<![\w/])/(?:opt/reprotech|etc/reprotech|etc/systemd/system|usr/local/sbin)")
#: The lines of the first installation that get the program onto the machine.
FIRST_STEPS = re.compile(r"^(?:sha256sum|tar|\./release|ln) .*$", re.MULTILINE)
#: Releases borrow the packages that run the tests, by a path. The second one installs these of its own from wheels.
BORROWED, OWN = "reprotech_borrowed", ["bcrypt", "pyotp", "segno"]
LOOPBACK_ONLY = ["unshare", "-n", "--"]


def pack(packages, target):
    """Wheels of packages that are installed here, as an index would have them."""
    target.mkdir(exist_ok=True)
    for name in packages:
        found = distribution(name)
        tags = [tag.split("-") for tag in re.findall(r"^Tag: (.*)$", found.read_text("WHEEL"), re.MULTILINE)]
        tag = "-".join(".".join(sorted(set(parts))) for parts in zip(*tags, strict=True))
        distribution_name = re.sub(r"[-_.]+", "_", found.metadata["Name"])
        with zipfile.ZipFile(target / f"{distribution_name}-{found.version}-{tag}.whl", "w") as wheel:
            for file in found.files:
                if ".." not in file.parts and "__pycache__" not in file.parts and file.locate().exists():
                    wheel.write(file.locate(), str(file))


def write_borrowed(stage):
    (stage / "wheels").mkdir()
    (stage / "requirements.txt").write_text(f"{BORROWED}==1\n")
    (packages,) = (ROOT / ".venv/lib").glob("python*/site-packages")
    about = f"{BORROWED}-1.dist-info"
    with zipfile.ZipFile(stage / f"wheels/{BORROWED}-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{BORROWED}.pth", f"{packages}\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {BORROWED}\nVersion: 1\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", f"{BORROWED}.pth,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")


class PlainServer(Site):
    """A directory in the place of a machine's root, two servers, and nginx as we ship it in front of them."""

    def __init__(self, processes):
        self.root = processes.directory / "releases"
        self.home, self.log_of_tool = self.root / "opt/reprotech", ""
        for place in ("opt/reprotech", "etc/reprotech", "etc/systemd/system", "usr/local/sbin", "bundles", "stage"):
            (self.root / place).mkdir(parents=True)
        self.write_stage()
        super().__init__(processes, self.root)

    def here(self, text):
        return PLACES.sub(lambda found: f"{self.root}{found[0]}", text)

    def write_stage(self):
        stage = self.root / "stage"
        copy_program(stage, without={"benchmarks"})
        (stage / "build/static").mkdir(parents=True)
        shutil.copytree(ROOT / "build/icons", stage / "build/icons")
        for path in [stage / "scripts/reprotech", stage / "deploy/release", *(stage / "deploy/systemd").iterdir()]:
            path.write_text(
                re.sub(r"^(User|Group)=reprotech$", r"\1=root", self.here(path.read_text()), flags=re.MULTILINE)
            )
        for unit in (stage / "deploy/systemd").glob("*.service"):
            shutil.copy(unit, self.root / "etc/systemd/system")

    def bundle(self, build):
        """With a static file that only this release has."""
        static = self.root / "stage/staticfiles"
        shutil.rmtree(static, ignore_errors=True)
        static.mkdir()
        (static / f"{build}.css").write_text("a{}")
        names = [path for finder in get_finders() for path, _ in finder.list([])]  # which the error pages name
        manifest = {"version": "1.1", "hash": "", "paths": {name: name for name in names}}
        (static / "staticfiles.json").write_text(json.dumps(manifest))
        return bundle.write(
            self.root / "stage", Release(build=build, created="2031-06-15T02:17:00Z"), self.root / "bundles"
        )

    def settings(self):
        given = {
            "DEBUG": "false",
            "SECRET_KEY": "one-" * 12,
            "JWT_SECRET_KEY": "two-" * 12,
            "AUDIT_SIGNING_KEY": encode_seed(new_seed()),
            "DATABASE_URL": migrated_database("postgresql", f"releases_{free_port()}", None),
            "REDIS_URL": empty_valkey_database(),
            "EMAIL_URL": "consolemail://",
            "ALLOWED_HOSTS": NAME,
            "TRUSTED_PROXIES": "127.0.0.1",
            "SSL_REQUIRED": "true",
            "LOG_DIR": str(self.root / "log"),
            "MAINTENANCE_FILE": str(self.root / "maintenance.json"),
            "WORKERS": "1",
        }
        text = "".join(f"{name}={value}\n" for name, value in given.items())
        for name in ("reprotech.env", "owner.env"):
            (self.root / "etc/reprotech" / name).write_text(text)
        return {"PATH": os.environ["PATH"], **given}

    def program(self):
        return self.home / "current/deploy/serve"

    def follow(self, line, *prefix):
        """A command of the guide, with the machine's Python and its part of systemd."""
        line = self.here(line).replace("install reprotech", f"install --python {sys.executable} reprotech")
        environment = {"PATH": f"{self.root}/usr/local/sbin:{os.environ['PATH']}", "LANG": "C.UTF-8"}
        command = [*prefix, "bash", "-ec", f"umask 022; {line}"]
        done = subprocess.run(
            command, cwd=self.root / "bundles", env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def __enter__(self):
        """systemctl, which the tool calls, is played by this process."""
        site = self

        class Manager(socketserver.StreamRequestHandler):
            def handle(self):
                said = site.systemctl(*shlex.split(self.rfile.readline().decode()))
                self.wfile.write(said.encode())

        self.manager = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Manager)
        threading.Thread(target=self.manager.serve_forever, daemon=True).start()
        command = self.root / "usr/local/sbin/systemctl"
        port = self.manager.server_address[1]
        command.write_text(f'#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{port}\necho "$*" >&3\ncat <&3\n')
        command.chmod(0o755)
        return self

    def __exit__(self, *_):
        self.manager.shutdown()
        self.manager.server_close()

    def systemctl(self, verb, *words):
        if verb == "list-units":
            return "".join(f"reprotech@{port}.service loaded active running\n" for port in self.servers)
        assert verb == "restart"
        self.restart(int(re.search(r"@(\d+)", words[0])[1]))
        return ""


@pytest.fixture
def plain_server(processes):
    if os.geteuid() != 0 and os.environ.get("CI") != "true":
        pytest.skip("only root can run the service's commands")
    require(os.geteuid() == 0, "root")
    require(shutil.which("nginx"), "nginx")
    server = PlainServer(processes)
    yield server
    server.stop()
    shutil.rmtree(server.root, ignore_errors=True)  # many files, which what ends all tests has little time for


def has_namespaces():
    return subprocess.run([*LOOPBACK_ONLY, "true"], capture_output=True, check=False).returncode == 0


def test_the_guide_installs_switches_and_rolls_back_without_one_failed_request(plain_server):
    site, stage = plain_server, plain_server.root / "stage"
    write_borrowed(stage)
    site.bundle("one")
    first_steps = FIRST_STEPS.findall(SETUP.partition("cd /opt/reprotech/current")[0])
    assert len(first_steps) == 4
    for line in first_steps:
        site.follow(line)
    site.start()

    # The second one's packages come from the bundle alone: there is no network.
    with (stage / "requirements.txt").open("a") as requirements:
        requirements.writelines(f"{name}=={distribution(name).version}\n" for name in OWN)
    pack(OWN, stage / "wheels")
    version = site.bundle("two").name.partition("-cp")[0].removeprefix("reprotech-")
    install, migrate, switch = (
        line.replace("1.1.0-0123456789ab", version) for line in NEW_VERSION.splitlines() if line.strip()
    )
    install = re.sub(r"reprotech-1\S+\.tar", f"reprotech-{version}-*.tar", install)
    with site, People(site) as people:
        said = site.follow(install, *(LOOPBACK_ONLY if has_namespaces() else ()))
        assert said == f"{version} is installed.\n"
        assert site.build() == "one"
        assert "0 migrations were applied" in site.follow(migrate)
        site.asked_of_both = ["/static/two.css"]
        site.follow(switch)
        assert site.build() == "two"
        # What a page of one release names is found, whichever server is asked.
        assert site.seen_in_between == {200}
        listed = site.follow("reprotech-release list").splitlines()
        assert re.fullmatch(rf"{re.escape(version)}  current, servers run from it", listed[0])
        assert listed[1].endswith("-one  previous")
        site.asked_of_both = ["/static/one.css"]
        site.follow(ROLLBACK.strip())
        assert site.build() == "one"
        assert site.seen_in_between == {200}
    assert people.right > 100
    assert people.wrong == []
    # Both commands belong to the release that runs.
    assert "build one of 2031-06-15" in site.follow(
        f"{site.home}/current/.venv/bin/python {site.home}/current/manage.py version"
    )
    installed = (site.home / "releases" / version / ".venv").glob("lib/python*/site-packages/*/__init__.py")
    assert {*OWN} <= {path.parent.name for path in installed}
    assert not (site.home / "releases" / version / "wheels").exists()
