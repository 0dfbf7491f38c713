"""What `scripts/server` does before it serves: secrets, static files, tables, default data."""

import base64
import contextlib
import hashlib
import os
import re
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MAX_PORT = 65535
#: Bytes of each: more than 32 as text, and exactly 32 of the key that signs the audit log.
SECRET_BYTES = {"SECRET_KEY": 48, "JWT_SECRET_KEY": 48, "AUDIT_SIGNING_KEY": 32}


def main() -> None:
    """Prepare the installation; exits with one line of error."""
    try:
        refuse_taken_address(os.environ["HOST"], os.environ["PORT"])
        write_missing_secrets(Path(".env").resolve())
    except OSError as error:
        sys.exit(f"Reprotech can't start: {error}")
    prepare_application()


def refuse_taken_address(host: str, port: str) -> None:
    """Exit with a sentence when the address can't be listened on."""
    if not (port.isascii() and port.isdigit() and 0 < int(port[:9]) <= MAX_PORT):
        sys.exit(f"PORT must be a whole number from 1 to {MAX_PORT}, not {port!r}.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # Addresses of connections that ended a moment ago are free; those listened on are not.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        sys.exit(f"Can't listen on {host}, port {port}: {error.strerror}. Choose others by HOST and PORT.")


def write_missing_secrets(env_file: Path) -> None:
    """Add the keys that neither the environment nor `env_file` has, leaving the rest of the file as it is."""
    text = env_file.read_bytes().decode() if env_file.exists() else ""
    completed = text
    for name in SECRET_BYTES:
        if not any(os.environ.get(variable, "").strip() for variable in (name, f"{name}_FILE")):
            completed = with_secret(completed, name)
    if completed and os.environ.get("DEBUG", "").strip().lower() == "true" and is_only_ours(completed):
        completed += "DEBUG=true\n"
    if completed != text:
        replace_file(env_file, completed)


def is_only_ours(text: str) -> bool:
    """Whether the file has no other variables than ours, as in a first try."""
    # Then it gets DEBUG too, for all commands in this directory: without it init_data would replace the documented
    # password while people work with it.
    return set(re.findall(r"^\s*(?:export\s+)?(\w+)\s*=", text, re.MULTILINE)) <= set(SECRET_BYTES)


def with_secret(text: str, name: str) -> str:
    """`text` with a new value for `name`, unless it has one. An empty one is filled in where it stands."""
    line = re.compile(rf"^((?:export )?{name}=)(.*)$", re.MULTILINE)
    found = line.search(text)
    if found and found[2].strip().strip("'\""):
        return text
    value = base64.b64encode(secrets.token_bytes(SECRET_BYTES[name])).decode()
    if found:
        return text[: found.start()] + found[1] + value + text[found.end() :]
    separator = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{separator}{name}={value}\n"


def replace_file(path: Path, text: str) -> None:
    """Write `text` atomically, readable to the owner alone."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".env.")  # mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        if path.exists() and os.geteuid() == 0:
            os.chown(temporary, path.stat().st_uid, path.stat().st_gid)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def prepare_application() -> None:
    """Static files (in development they are served from where they lie), tables, default data."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reprotech.settings")
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.db import OperationalError

    from reprotech.server.__main__ import refuse_exposed_debugging
    from scripts import assets

    try:
        assets.main()
        django.setup()
        refuse_exposed_debugging(os.environ["HOST"])
        make_private(kept_files(settings))
        if not settings.DEBUG:
            collect_static_files(Path(settings.STATIC_ROOT))
        call_command("migrate", interactive=False, verbosity=0)
        call_command("init_data")
    except (ImproperlyConfigured, CommandError) as error:
        sys.exit(f"Reprotech can't start: {error}")
    except OperationalError as error:
        sys.exit(f"Reprotech can't start, the database does not answer: {str(error).splitlines()[0]}")


def kept_files(settings: Any) -> Iterator[Path]:
    """The server's files with personal data that exist already: database, log, and what `run` holds."""
    yield Path("run")
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "reprotech.db.sqlite":
        for end in ("", "-wal", "-shm", "-journal"):
            yield Path(f"{database['NAME']}{end}")
    log_directory: Path = settings.LOG_DIR
    yield from log_directory.glob("*reprotech_auth*")
    if log_directory.is_relative_to(settings.BASE_DIR):  # elsewhere it may hold what others read
        yield log_directory


def make_private(paths: Iterable[Path]) -> None:
    """Make our files readable to their owner alone, which earlier versions let everybody read."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if status.st_uid == os.geteuid() and status.st_mode & 0o077:
                path.chmod(status.st_mode & 0o700)


def collect_static_files(target: Path) -> None:
    """Collect and compress them, which takes several seconds, unless they are there and none changed since."""
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    stamp = Path("run/static-files")
    if stamp.exists() and (target / "staticfiles.json").exists() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(digest.hexdigest())


if __name__ == "__main__":
    main()
