"""Log lines arrive in their order, none is lost or doubled by a stop or a fork, and a full disk stops nobody."""

import logging
import multiprocessing
import resource
import sys
from multiprocessing.util import Finalize

import pytest

from reprotech.conf.logging import LineHandler
from reprotech.testing.cast import eventually

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database


@pytest.fixture
def handler(tmp_path):
    made = LineHandler(tmp_path / "lines.log", 1_000_000, 3)
    yield made
    made.close()


def log(handler, *lines):
    for line in lines:
        handler.handle(logging.makeLogRecord({"msg": line}))


def written(directory):
    return [line for path in directory.glob("lines.log*") for line in path.read_text().splitlines()]


def test_lines_arrive_in_order_although_nothing_stops(handler, tmp_path):
    lines = [f"line {number}" for number in range(50)]
    log(handler, *lines)
    assert eventually(lambda: written(tmp_path) == lines)
    log(handler, "after a pause")
    assert eventually(lambda: written(tmp_path)[-1] == "after a pause")


def test_a_stop_loses_no_line_of_standard_output_or_the_file(tmp_path, monkeypatch):
    with (tmp_path / "stdout").open("w+") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        handler = LineHandler(tmp_path / "lines.log", 1_000_000, 3)
        log(handler, "one", "two")
        handler.close()
        stdout.seek(0)
        assert stdout.read().splitlines() == written(tmp_path) == ["one", "two"]


def test_without_a_file_lines_go_to_standard_output_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "stdout").open("w+") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        handler = LineHandler(None, 1_000_000, 3)
        log(handler, "one", "two")
        handler.close()
        stdout.seek(0)
        assert stdout.read().splitlines() == ["one", "two"]
    assert [path.name for path in tmp_path.iterdir()] == ["stdout"]


def log_in_a_child(handler, name):
    Finalize(None, handler.close, exitpriority=0)  # as `reprotech.server.wsgi_worker` does
    log(handler, *(f"{name} {number}" for number in range(300)))


def test_forked_processes_lose_and_double_no_line_while_the_file_is_rotated(tmp_path):
    handler = LineHandler(tmp_path / "lines.log", 2_000, 1_000)
    log(handler, "of the parent")
    fork = multiprocessing.get_context("fork")
    names = ("one", "two", "three")
    children = [fork.Process(target=log_in_a_child, args=[handler, name]) for name in names]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    handler.close()
    expected = ["of the parent", *(f"{name} {number}" for name in names for number in range(300))]
    assert sorted(written(tmp_path)) == sorted(expected)


def test_a_full_disk_loses_lines_and_stops_nobody(handler, tmp_path, capfd):
    (tmp_path / "lines.log").write_text("x" * 100_000 + "\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        log(handler, "lost")
        assert eventually(lambda: "File too large" in capfd.readouterr().err)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    log(handler, "there is room again")
    assert eventually(lambda: "there is room again" in written(tmp_path))
