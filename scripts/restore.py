"""What `scripts/restore` does before Django can start: settings, from the backup, where there are none."""

import os
import re
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from reprotech.backup.archive import check_archive, parse_identities
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.signatures import Trust, add_trust_arguments, signers_in
from reprotech.core.key_material import parse_seed
from scripts.prepare import replace_file


def main() -> None:
    """Make `.env` unless there are settings already, then go on as `manage.py restore`."""
    parser = ArgumentParser(prog="scripts/restore", description="Restore a backup into an empty database.")
    parser.add_argument("backup", type=Path, metavar="FILE")
    parser.add_argument("--identity", type=Path, required=True, metavar="KEY", help="the file of the private key")
    add_trust_arguments(parser)
    options = parser.parse_args()
    env_file = Path(".env").resolve()
    try:
        if not env_file.exists() and not os.environ.get("SECRET_KEY", "").strip():
            replace_file(env_file, saved_settings(options))
            print(f"The settings of the backup are in {env_file}. Look through them.", flush=True)
    except (BackupFailed, OSError, UnicodeDecodeError) as error:
        sys.exit(f"Nothing was restored: {error}")
    command = [sys.executable, "manage.py", "restore", *sys.argv[1:]]
    os.execv(sys.executable, command)  # noqa: S606 (our own command)  # nosec B606


def saved_settings(options: Namespace) -> str:
    """The settings in a backup, with the database that the environment names for the restore, if it does.

    They are taken from a backup that a key signed which the operator names: what is in it can't say whom to trust.
    """
    key_file = options.identity.read_text(encoding="utf-8")
    signers, seed = [*signers_in(key_file), *options.signed_by], os.environ.get("AUDIT_SIGNING_KEY", "").strip()
    if not (signers or seed or options.accept_unsigned):
        raise BackupFailed(
            "There are no settings here that tell by whom a backup must be signed. Name the public key of your "
            "installation, as manage.py audit_keys printed it there: --signed-by KEY. Or put its .env here first."
        )
    try:
        trust = Trust.of(parse_seed(seed) if seed else None, signers, accepts_unsigned=options.accept_unsigned)
    except ValueError as error:
        raise BackupFailed(f"AUDIT_SIGNING_KEY {error}") from None
    text = check_archive(options.backup, parse_identities(key_file), trust).settings
    if url := os.environ.get("DATABASE_URL", "").strip():
        text = re.sub(r"^(export\s+)?DATABASE_URL=.*\n", "", text, flags=re.MULTILINE) + f"DATABASE_URL='{url}'\n"
    return text


if __name__ == "__main__":
    main()
