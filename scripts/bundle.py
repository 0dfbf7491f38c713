"""What `scripts/bundle` does: collects a release in a directory, and makes one file of it."""

import argparse
import base64
import compileall
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from reprotech.release import Release
from scripts import assets, sbom

ROOT = Path(__file__).resolve().parent.parent
#: What is for people who work on Reprotech. `.dockerignore` keeps it out of the image.
LEFT_OUT = ("tests", "testing", "benchmarks", ".ci", ".github", "conftest.py", "pyproject.toml")
#: First in the bundle, so that a wrong one is refused before the rest is read.
FIRST = ("SHA256SUMS", "SHA256SUMS.sig", "release.json")
BUILD = re.compile(r"[\w.+-]{1,64}", re.ASCII)


def main() -> None:
    """Make a bundle; exits with a sentence when it can't be made."""
    given = arguments()
    release = Release(build=given.build or commit(), created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assets.main()
    with tempfile.TemporaryDirectory(prefix="reprotech-bundle-") as scratch:
        stage = Path(scratch)
        copy_program(listed(), stage)
        shutil.copytree(ROOT / "build", stage / "build", ignore=shutil.ignore_patterns("npm", "docs"))
        collect_static_files(stage)
        compileall.compile_dir(stage, quiet=1)
        get_wheels(stage / "wheels", given.wheels)
        path = write(stage, release, given.output, given.sign)
    print(f"{path}\nSHA-256: {path.with_name(f'{path.name}.sha256').read_text().split()[0]}")


def arguments() -> argparse.Namespace:
    """Paths are from where the caller is."""
    caller = Path(os.environ.get("REPROTECH_CALLER", "."))
    parser = argparse.ArgumentParser(prog="scripts/bundle", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--output", type=caller.joinpath, default=ROOT / "dist", help="directory of the bundle: dist")
    parser.add_argument(
        "--sign", type=caller.joinpath, metavar="KEY", help="sign it with this private key, by ssh-keygen"
    )
    parser.add_argument("--build", help="a name for a program that is no clone, or has changes: else the commit's")
    parser.add_argument("--wheels", type=caller.joinpath, help="packages that are here already, instead of downloads")
    given = parser.parse_args()
    if given.build and not BUILD.fullmatch(given.build):
        parser.error("--build takes at most 64 letters, digits and . _ + -")
    return given


def commit() -> str:
    """What the bundle is named after; changes that no commit has would hide behind its name."""
    if git("status", "--porcelain"):
        sys.exit("Some files differ from the commit: commit them, or name this build by --build.")
    found = git("rev-parse", "--short=12", "HEAD")
    return found or sys.exit("This is no clone of Reprotech: name the build by --build.")


def git(*words: str) -> str:
    command = ["git", "-c", f"safe.directory={ROOT}", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # nosec B603
    return done.stdout.strip()


def listed() -> Iterable[Path]:
    """The program's files, relative to its directory."""
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    found = [Path(name) for name in names if name and (ROOT / name).exists()]
    if not found:
        hidden = (
            ".venv",
            ".env",
            "node_modules",
            "build",
            "dist",
            "run",
            "logs",
            "backups",
            "staticfiles",
            "__pycache__",
        )
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
        found = [path for path in found if not {*hidden, ".git"} & set(path.parts)]
    return [path for path in found if not set(LEFT_OUT) & set(path.parts)]


def copy_program(paths: Iterable[Path], stage: Path) -> None:
    for path in paths:
        (stage / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, stage / path)


def collect_static_files(stage: Path) -> None:
    """Collected and compressed here, which takes minutes, so that a server needn't."""
    print("Collecting static files ...", flush=True)
    environment = {
        "PATH": os.environ["PATH"],
        "LOG_DIR": str(stage / "logs"),
        # Production settings want keys; these are gone with this command.
        **{name: secrets.token_urlsafe(48) for name in ("SECRET_KEY", "JWT_SECRET_KEY")},
        "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    command = [sys.executable, "-B", "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    if subprocess.run(command, cwd=stage, env=environment, check=False).returncode:  # noqa: S603  # nosec B603
        sys.exit("The static files can't be collected: see above.")
    for left in ("logs", "run"):
        shutil.rmtree(stage / left, ignore_errors=True)


def get_wheels(target: Path, known: Path | None) -> None:
    """Every package in the version that requirements.txt names, built: a server compiles nothing."""
    print("Getting packages ...", flush=True)
    source = ["--no-index", f"--find-links={known}"] if known else []
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-input", "--no-deps", "--only-binary=:all:"]
    command += [*source, "--dest", str(target), "--requirement", str(ROOT / "requirements.txt")]
    if subprocess.run(command, check=False).returncode:  # noqa: S603  # nosec B603
        sys.exit("Not every package could be had: see above.")


def write(stage: Path, release: Release, output: Path, key: Path | None = None) -> Path:
    """One file of what lies in `stage`, which a signature may cover."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    about = {"version": release.version, "build": release.build, "created": release.created}
    about |= {"python": python, "platform": sysconfig.get_platform()}
    (stage / "release.json").write_text(json.dumps(about, indent=1) + "\n")
    wheels = sorted((stage / "wheels").glob("*.whl"))
    (stage / "sbom.cdx.json").write_text(sbom.document(release, sbom.wheel_components(wheels)))
    for name in FIRST[:2]:
        (stage / name).unlink(missing_ok=True)
    paths = sorted(path.relative_to(stage) for path in stage.rglob("*") if path.is_file())
    (stage / "SHA256SUMS").write_text("".join(f"{digest(stage / path)}  {path}\n" for path in paths))
    if key:
        sign(stage / "SHA256SUMS", key)
    output.mkdir(parents=True, exist_ok=True)
    name = f"reprotech-{release.version}-{release.build}"
    target = output / f"{name}-cp{python.replace('.', '')}-{sysconfig.get_platform()}.tar"
    unfinished = target.with_suffix(".part")
    with tarfile.open(unfinished, "w") as archive:
        for path in dict.fromkeys([*map(Path, FIRST), *paths]):
            if (stage / path).exists():
                archive.add(stage / path, f"{name}/{path}", filter=anonymous)
    unfinished.replace(target)
    target.with_name(f"{target.name}.sha256").write_text(f"{digest(target)}  {target.name}\n")
    return target


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of the machine on which it was made."""
    member.uid = member.gid = 0
    member.mtime = int(member.mtime)  # by which Python knows what is compiled
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    return member


def sign(path: Path, key: Path) -> None:
    """As `ssh-keygen -Y verify` can check it, which every server has."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "reprotech-release", str(path)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603  # nosec B603
        sys.exit(f"The bundle can't be signed with {key}: see above.")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
