"""Where each server is installed: in an environment of its own below build/, ours as on a server, without our tools."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "benchmarks" / "contenders"
INSTALLED = ROOT / "build" / "contenders"


def install(name):
    """Install what a server's sources pin, unless it is; returns the directory to run it in."""
    source, target = source_of(name), INSTALLED / name
    is_node = not (source / "requirements.txt").exists()
    pins = source / ("package.json" if is_node else "requirements.txt")
    wanted = hashlib.sha256(sys.version.encode() + pins.read_bytes()).hexdigest()
    stamp = target / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {name} ...", file=sys.stderr, flush=True)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        install_node(source, target) if is_node else install_python(name, target)
        stamp.write_text(wanted)
    if is_node:
        # Node looks for packages beside the program, so the program goes to its packages.
        for program in source.glob("*.mjs"):
            shutil.copy(program, target)
        return target
    return source


def source_of(name):
    """The directory of a server's program: the repository itself for ours."""
    return SOURCES / name if (SOURCES / name).exists() else ROOT


def install_python(name, target):
    """A virtual environment with the requirements."""
    run([sys.executable, "-m", "venv", target / "venv"])
    pip = [python_of(name), "-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "-r", source_of(name) / "requirements.txt"])


def install_node(source, target):
    """The packages, in the versions that the registry had on a date, without running their install scripts."""
    shutil.copy(source / "package.json", target)
    released = json.loads((source / "package.json").read_text())["config"]["released_before"]
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    run(["npm", "install", f"--before={released}", *options], cwd=target)


def python_of(name):
    """The interpreter of a server."""
    return INSTALLED / name / "venv" / "bin" / "python"


def run(command, **options):
    """Run to the end; what it printed is in the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout
