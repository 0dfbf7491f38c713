"""What `scripts/restore` does before Django can start: settings, from the backup, where there are none."""

import os
import re
import sys
from argparse import ArgumentParser
from pathlib import Path

from reprotech.backup.archive import BackupFailed, identities, open_archive
from scripts.prepare import replace


def main() -> None:
    """Make `.env` unless there are settings already, then go on as `manage.py restore`."""
    parser = ArgumentParser(prog="scripts/restore", description="Restore a backup into an empty database.")
    parser.add_argument("backup", type=Path, metavar="FILE")
    parser.add_argument("--identity", type=Path, required=True, metavar="KEY", help="the file of the private key")
    options = parser.parse_args()
    env_file = Path(".env").resolve()
    try:
        if not env_file.exists() and not os.environ.get("SECRET_KEY", "").strip():
            replace(env_file, saved_settings(options.backup, options.identity))
            print(f"The settings of the backup are in {env_file}. Look through them.", flush=True)
    except (BackupFailed, OSError, UnicodeDecodeError) as error:
        sys.exit(f"Nothing was restored: {error}")
    command = [sys.executable, "manage.py", "restore", str(options.backup), "--identity", str(options.identity)]
    os.execv(sys.executable, command)  # noqa: S606 (our own command)  # nosec B606


def saved_settings(backup: Path, identity: Path) -> str:
    """The settings in a backup, with the database that the environment names for the restore, if it does."""
    with open_archive(backup, identities(identity.read_text(encoding="utf-8"))) as archive:
        text = archive.settings
    if url := os.environ.get("DATABASE_URL", "").strip():
        text = re.sub(r"^(export\s+)?DATABASE_URL=.*\n", "", text, flags=re.MULTILINE) + f"DATABASE_URL='{url}'\n"
    return text


if __name__ == "__main__":
    main()
