"""What a figure means nothing without: commit, machine, versions, and load. No names of hosts, no paths."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psycopg


def describe(postgresql):
    """For the report: texts by name."""
    with psycopg.connect(postgresql) as connection:
        server = connection.execute("SHOW server_version").fetchone()[0]
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]
    return {
        "commit": commit(),
        "processor": f"{processor()}, {os.cpu_count()} cores, shared by servers, PostgreSQL and client",
        "memory": f"{int(memory) / 1024 / 1024:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "PostgreSQL": server.split()[0],
        "Python": platform.python_version(),
        "Django": version("Django"),
        "granian": version("granian"),
    }


def commit():
    """What was measured; `+` when files differ from it."""
    described = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(
        described, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    ).stdout.strip()


def processor():
    """Its name, from Linux."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def load():
    """The load average of the last minute."""
    return os.getloadavg()[0]


def children(pid):
    """The processes that a process started, and those that they did."""
    try:
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    direct = [int(child) for child in started]
    return direct + [grandchild for child in direct for grandchild in children(child)]


def workers(pid):
    """The children that answer requests: those of the main process that run the same program."""
    own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in map(int, own) if pss(child) > 15 * 1024 * 1024]


def pss(pid):
    """Its bytes of memory, with its share of what several use (PSS); 0 when it is gone."""
    try:
        rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(re.search(r"^Pss:\s+(\d+)", rolled, re.MULTILINE)[1]) * 1024


def cpu_seconds(pids):
    """The processor time of these processes so far, with that of their children that ended."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
