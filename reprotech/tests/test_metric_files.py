"""A full disk ends no process that counts on it, and no scrape."""

import os
import subprocess
import sys

import pytest

from benchmarks.faults import disks
from reprotech.pytest_stack import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database

#: Counts under many names, says what became of three of them, and whether a scrape finds the first.
COUNT = """
import pathlib, resource
from reprotech import metric_files
metric_files.use()
from prometheus_client import Counter, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
counter = Counter("events", "Events.", ["name"])
{before}
counter.labels("before").inc()
{after}
for number in range({names}):
    counter.labels(str(number) * 50).inc()
for name in ("before", "0" * 50, str({names} - 1) * 50):
    counter.labels(name).inc()
    print(counter.labels(name)._value.get())
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(b"before" in generate_latest(registry))
"""
COUNTED = ["2.0", "2.0", "2.0"]
MANY = 8000  # more than the first megabyte has room for


def count(directory, names, before="", after=""):
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)}
    command = [sys.executable, "-c", COUNT.format(names=names, before=before, after=after)]
    ended = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


@pytest.fixture
def small_disk():
    try:
        yield disks.mount("metrics", 2)
    except disks.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        disks.unmount()


def test_what_is_counted_while_there_is_room_is_scraped(tmp_path):
    assert count(tmp_path, MANY) == [*COUNTED, "True"]


def test_a_directory_that_is_not_there_is_made(tmp_path):
    assert count(tmp_path / "not" / "there", 1)[-1] == "True"


def test_where_no_file_may_be_so_large_all_is_counted_in_memory(tmp_path):
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    assert count(tmp_path, 10, before=limit) == [*COUNTED, "False"]
    assert list(tmp_path.iterdir()) == []


def test_on_a_full_disk_all_is_counted_in_memory(small_disk):
    with disks.filled("metrics"):
        assert count(small_disk, MANY) == [*COUNTED, "False"]


def test_on_a_disk_that_fills_up_it_goes_on_in_memory(small_disk):
    fill = f"pathlib.Path({str(small_disk / 'rest')!r}).write_bytes(bytes(900_000))"
    assert count(small_disk, MANY, after=fill) == [*COUNTED, "False"]
    assert [path.name for path in small_disk.iterdir()] == ["rest"]
