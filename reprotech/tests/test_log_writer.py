"""Lines that are written together are all written, in their order, by however many processes."""

import logging
import multiprocessing
import sys
import time
from multiprocessing.util import Finalize

import pytest

from reprotech.log_writer import LineWriter


@pytest.fixture
def writer(tmp_path):
    made = LineWriter(tmp_path / "lines.log", 1_000_000, 3)
    yield made
    made.close()


def line(text, level=logging.INFO):
    return logging.makeLogRecord({"msg": text, "levelno": level})


def written(directory):
    return [text for path in directory.glob("lines.log*") for text in path.read_text().splitlines()]


def wait_for(directory, count):
    deadline = time.monotonic() + 30
    while len(written(directory)) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return written(directory)


def test_lines_are_written_a_moment_later_and_in_order(writer, tmp_path):
    for number in range(50):
        writer.handle(line(f"line {number}"))
    assert wait_for(tmp_path, 50) == [f"line {number}" for number in range(50)]
    writer.handle(line("after a pause"))
    assert wait_for(tmp_path, 51)[-1] == "after a pause"


def test_a_warning_waits_for_nothing_and_takes_along_what_waits(writer, tmp_path):
    writer.handle(line("before"))
    writer.handle(line("warning", logging.WARNING))
    assert written(tmp_path) == ["before", "warning"]


def test_both_places_get_the_same(tmp_path, monkeypatch):
    with (tmp_path / "stdout").open("w+") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        both = LineWriter(tmp_path / "lines.log", 1_000_000, 3)
        both.handle(line("one"))
        both.handle(line("two"))
        both.close()
        stdout.seek(0)
        assert stdout.read().splitlines() == written(tmp_path) == ["one", "two"]


def write_in_a_child(writer, name, count):
    Finalize(None, writer.flush, exitpriority=0)  # as `reprotech.worker` has it
    for number in range(count):
        writer.handle(line(f"{name} {number}"))


def test_copies_of_a_process_write_their_own_lines_once_and_lose_none(tmp_path):
    """Also while the file begins anew again and again."""
    shared = LineWriter(tmp_path / "lines.log", 2_000, 1_000)
    shared.handle(line("of the parent"))
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=write_in_a_child, args=[shared, name, 300]) for name in ("one", "two", "three")]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    shared.close()
    expected = ["of the parent", *(f"{name} {number}" for name in ("one", "two", "three") for number in range(300))]
    assert sorted(written(tmp_path)) == sorted(expected)
