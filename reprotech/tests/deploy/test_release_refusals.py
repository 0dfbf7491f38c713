"""What `deploy/release` refuses, with one sentence, while what runs goes on as it was."""

import errno
import fcntl
import json
import shutil
import subprocess
import sys
import sysconfig
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from reprotech.release import Release, read
from reprotech.testing.plugin import ROOT
from scripts import bundle

pytestmark = pytest.mark.only_on("sqlite")  # the database plays no part, but for its table of migrations

WELL = {"missing": [], "unknown": []}


class Shelf:
    """Small releases below a directory, which say of the database what a test wants."""

    def __init__(self, tool, directory, monkeypatch):
        self.tool, self.directory, self.monkeypatch = tool, directory, monkeypatch
        self.releases, self.restarts = tool.Releases(directory / "opt"), []
        self.database, self.broken = {}, ()
        self.releases.place.mkdir(parents=True)
        monkeypatch.setattr(tool, "install_packages", lambda target, _: shutil.rmtree(target / "wheels"))
        monkeypatch.setattr(tool, "ask", lambda program: self.database.get(program.resolve().name, WELL))
        monkeypatch.setattr(tool, "restart_servers", self.restart)
        monkeypatch.setattr(tool, "SIGNERS", directory / "release-signers")

    def restart(self):
        self.restarts.append(self.releases.current)
        if self.releases.current in self.broken:
            raise self.tool.Refused("reprotech@5001 doesn't start.")

    def bundle(self, build, key=None):
        stage = self.directory / f"stage-{build}"
        (stage / "wheels").mkdir(parents=True)
        for path in ("manage.py", "wheels/one-1-py3-none-any.whl"):
            (stage / path).write_text(f"{path} of {build}\n")
        self.monkeypatch.setattr(bundle.sbom, "wheel_components", lambda _: [])
        return bundle.write(stage, Release("2.7.1", build, "2031-06-15T02:17:00Z"), self.directory / "bundles", key)

    def install(self, build, **changes):
        self.run("install", str(changes.get("bundle") or self.bundle(build)), "--python", sys.executable)
        return f"2.7.1-{build}"

    def run(self, *words):
        self.monkeypatch.setattr("sys.argv", ["release", "--home", str(self.releases.home), *words])
        self.tool.main()

    def refused(self, *words):
        """The sentence; the links are what they were, and no server was restarted."""
        before = self.releases.current, self.releases.linked("previous"), list(self.restarts)
        with pytest.raises(SystemExit) as end:
            self.run(*words)
        assert (self.releases.current, self.releases.linked("previous"), self.restarts) == before
        return end.value.code

    def refused_bundle(self, path):
        """Nothing of it is left either."""
        before = self.releases.names()
        said = self.refused("install", str(path), "--python", sys.executable)
        assert self.releases.names() == before
        return said


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    loader = SourceFileLoader("reprotech_release", str(ROOT / "deploy/release"))
    tool = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(tool)
    return Shelf(tool, tmp_path, monkeypatch)


def test_releases_are_switched_rolled_back_and_pruned(shelf, capsys):
    one, two = shelf.install("one"), shelf.install("two")
    assert (shelf.releases.current, shelf.restarts) == (one, [])
    shelf.run("switch", two)
    assert (shelf.releases.current, shelf.releases.linked("previous"), shelf.restarts) == (two, one, [two])
    shelf.run("switch", two)  # as after an interruption: servers are restarted, and the way back stays
    assert (shelf.releases.linked("previous"), shelf.restarts) == (one, [two, two])
    shelf.run("rollback")
    assert (shelf.releases.current, shelf.restarts[-1]) == (one, one)
    assert "no release to go back to" in shelf.refused("rollback")
    for build in ("three", "four", "five"):
        shelf.install(build)
    assert set(shelf.releases.names()) == {one, "2.7.1-three", "2.7.1-four", "2.7.1-five"}
    assert "installed already" in shelf.refused("install", str(next(shelf.directory.glob("bundles/*one*.tar"))))
    capsys.readouterr()
    shelf.run("list")
    assert f"{one}  current\n" in capsys.readouterr().out


def test_a_bundle_with_one_changed_byte_is_refused_wherever_it_is(shelf):
    shelf.install("one")
    path = shelf.bundle("two")
    content = path.read_bytes()
    for place in (b"manage.py of two", b"wheels/one-1-py3-none-any.whl of two", b'"build": "two"', b"  manage.py\n"):
        at = content.index(place) + len(place) - 3
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert "get the bundle again" in shelf.refused_bundle(path)
    for end in (len(content) // 3, 700, 0):
        path.write_bytes(content[:end])
        assert "bundle" in shelf.refused_bundle(path) or "get it again" in shelf.refused_bundle(path)
    path.write_bytes(content.replace(b"reprotech-2.7.1-two/manage.py", b"reprotech-2.7.1-two/../../a.p", 1))
    assert "again" in shelf.refused_bundle(path)
    assert "no bundle" in shelf.refused_bundle(ROOT / "manage.py") or "again" in shelf.refused_bundle(
        ROOT / "manage.py"
    )
    assert "There is no" in shelf.refused_bundle(shelf.directory / "nowhere.tar")


def test_a_bundle_for_another_python_is_refused(shelf):
    shelf.install("one")
    shelf.monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-sparc64")
    assert "on linux-sparc64, and" in shelf.refused_bundle(shelf.bundle("two"))


def test_where_signers_are_named_no_other_bundle_is_installed(shelf):
    keys = [shelf.directory / name for name in ("ours", "theirs")]
    for key in keys:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = keys[0].with_suffix(".pub").read_text()
    shelf.tool.SIGNERS.write_text(f'reprotech namespaces="reprotech-release" {public}')
    assert "is not signed, and" in shelf.refused_bundle(shelf.bundle("none"))
    assert "is not signed by a key in" in shelf.refused_bundle(shelf.bundle("two", keys[1]))
    assert shelf.install("one", bundle=shelf.bundle("one", keys[0])) == shelf.releases.current


def test_a_release_that_is_not_whole_is_refused_and_can_be_installed_again(shelf):
    one, two = shelf.install("one"), shelf.install("two")
    home = shelf.releases.place / two
    (home / "manage.py").write_text("changed")
    assert "manage.py of 2.7.1-two is missing or was changed" in shelf.refused("switch", two)
    (home / "INSTALLED").unlink()
    assert "half installed" in shelf.refused("switch", two)
    assert "half installed" in shelf.refused("migrate", two)
    assert "There is no release 2.7.1-none" in shelf.refused("switch", "2.7.1-none")
    assert "There is no release ../opt" in shelf.refused("switch", "../opt")
    shelf.install("two", bundle=next(shelf.directory.glob("bundles/*two*.tar")))
    shelf.run("switch", two)
    assert shelf.releases.current == two
    (shelf.releases.place / one / "INSTALLED").unlink()
    assert "half installed" in shelf.refused("rollback")


def test_a_release_must_fit_the_database(shelf):
    one, two = shelf.install("one"), shelf.install("two")
    shelf.database[two] = {"missing": ["accounts.0042_next"], "unknown": []}
    assert shelf.refused("switch", two) == (
        "The database lacks 1 migrations of 2.7.1-two (accounts.0042_next): reprotech-release migrate 2.7.1-two"
    )
    shelf.database[two] = {"missing": [], "unknown": ["accounts.0042_next", "gone.0001_initial"]}
    assert "has 2 migrations that 2.7.1-two doesn't know" in shelf.refused("switch", two)
    assert "doesn't know" in shelf.refused("migrate", two)
    # Of a part that was removed long ago the current one knows nothing either.
    shelf.database[one] = shelf.database[two]
    shelf.run("switch", two)
    assert shelf.releases.current == two


def test_after_a_migration_for_a_third_release_there_is_no_way_back_to_the_first(shelf):
    shelf.install("one")
    two = shelf.install("two")
    shelf.run("switch", two)
    three = shelf.install("three")
    shelf.monkeypatch.setattr(subprocess, "run", lambda *call, **_: subprocess.CompletedProcess(call, 0))
    shelf.run("migrate", three)
    assert shelf.releases.linked("previous") == "2.7.1-one"
    shelf.database[three] = {"missing": ["accounts.0042_next"], "unknown": []}
    shelf.run("migrate", three)
    assert "no release to go back to" in shelf.refused("rollback")


def test_servers_that_do_not_start_run_the_release_before_again(shelf):
    one, two = shelf.install("one"), shelf.install("two")
    shelf.broken = (two,)
    with pytest.raises(SystemExit, match=r"5001 doesn't start\. All run 2\.7\.1-one again\."):
        shelf.run("switch", two)
    assert (shelf.releases.current, shelf.releases.linked("previous"), shelf.restarts) == (one, None, [two, one])


def test_only_one_of_these_commands_runs_at_a_time(shelf):
    one = shelf.install("one")
    with (shelf.releases.place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another install, migrate, switch or rollback is running" in shelf.refused("switch", one)
    shelf.run("switch", one)


def test_a_full_disk_leaves_nothing_of_a_release(shelf):
    shelf.install("one")
    path = shelf.bundle("two")
    usage = shutil.disk_usage(shelf.directory)
    with shelf.monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        assert "make room" in shelf.refused_bundle(path)

    def fill(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    shelf.monkeypatch.setattr(shelf.tool, "install_packages", fill)
    assert shelf.refused_bundle(path) == "It can't be done, and what runs goes on: the disk is full."


def test_a_release_says_what_the_database_lacks_and_what_is_newer_than_it(db):
    def asked():
        output = StringIO()
        call_command("check_release", stdout=output)
        return json.loads(output.getvalue())

    assert asked() == WELL
    recorder = MigrationRecorder(connection)
    recorder.record_applied("accounts", "9999_next")
    newest = max(name for app, name in recorder.applied_migrations() if app == "reviews")
    recorder.record_unapplied("reviews", newest)
    assert asked() == {"missing": [f"reviews.{newest}"], "unknown": ["accounts.9999_next"]}


def test_a_release_knows_its_build(monkeypatch, tmp_path):
    about = tmp_path / "release.json"
    monkeypatch.delenv("BUILD_ID", raising=False)
    assert str(read(about)) == f"Reprotech {Release().version}, build unknown"
    about.write_text('{"build": "0123abc", "created": "2031-06-15T02:17:00Z"}')
    assert str(read(about)) == f"Reprotech {Release().version}, build 0123abc of 2031-06-15T02:17:00Z"
    about.write_text('{"build": "", "created": ""}')
    assert str(read(about)) == f"Reprotech {Release().version}, build unknown"
    monkeypatch.setenv("BUILD_ID", "lab-7")
    assert str(read(about)) == f"Reprotech {Release().version}, build lab-7"
    done = subprocess.run([sys.executable, ROOT / "manage.py", "version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"Reprotech {Release().version}, build lab-7\n"


def test_the_image_names_its_version_and_build():
    """Read, not built: no container engine takes part in the tests."""
    text = (ROOT / "Dockerfile").read_text()
    assert f"ARG VERSION={Release().version}\n" in text
    labels = {"title", "version", "revision", "created", "source"}
    assert labels == {line.partition("=")[0].rpartition(".")[2] for line in text.splitlines() if "image." in line}
    assert "python -m scripts.sbom > sbom.cdx.json" in text
