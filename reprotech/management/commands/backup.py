"""`manage.py backup`: an encrypted backup of database and settings, made while the server runs.

Then backups are removed that need not stay; none when it failed.
"""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from pyrage import x25519

from audit.crypto.signed_note import Signer
from audit.sealing.signing_keys import log_name
from reprotech.backup.create import make_backup
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.retention import prune
from reprotech.backup.signatures import SIGNER_COMMENT
from reprotech.core.secure_files import create_private_file


class Command(BaseCommand):
    help = "Back up database and settings, encrypted for BACKUP_RECIPIENTS, and remove what BACKUP_KEEP_… lets go."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", type=Path, metavar="DIRECTORY", help="instead of BACKUP_DIR")
        parser.add_argument(
            "--recipient", action="append", metavar="KEY", help="a public key, instead of BACKUP_RECIPIENTS"
        )
        parser.add_argument("--verify", action="store_true", help="restore it into a database of its own for a test")
        parser.add_argument("--without-audit-key", action="store_true", help="leave AUDIT_SIGNING_KEY out")
        parser.add_argument("--keep-all", action="store_true", help="remove no older backup")
        parser.add_argument(
            "--new-key", metavar="FILE", help="make a pair of keys, and nothing else; - for standard output"
        )

    def handle(self, *_: object, **options: Any) -> None:
        try:
            if options["new_key"]:
                self._make_key(options["new_key"])
            else:
                self._make_backup(options)
        except BackupFailed as failure:
            raise CommandError(str(failure)) from None
        except FileExistsError as error:
            raise CommandError(f"{error.filename} is there already.") from None
        except DatabaseError as error:
            raise CommandError(f"The database does not answer: {str(error).partition(chr(10))[0]}") from None
        except OSError as error:
            raise CommandError(f"The backup can't be written: {error}") from None

    def _make_backup(self, options: dict[str, Any]) -> None:
        directory = options["to"] or settings.BACKUP_DIR
        path = make_backup(
            directory,
            options["recipient"] or settings.BACKUP_RECIPIENTS,
            with_audit_key=not options["without_audit_key"],
            restore_it=options["verify"],
        )
        checked = "It was restored for a test, and its audit log verified." if options["verify"] else "It can be read."
        self.stdout.write(f"{path}: {path.stat().st_size:,} bytes. {checked}")
        self.stdout.write(
            "It holds the database and the settings with their secrets"
            + (", without AUDIT_SIGNING_KEY." if options["without_audit_key"] else ".")
        )
        if not options["keep_all"]:
            for gone in prune(directory, settings.BACKUP_KEEP, datetime.now(UTC)):
                self.stdout.write(f"{gone.name} was removed.")

    def _make_key(self, name: str) -> None:
        identity = x25519.Identity.generate()
        comments = [f"public key: {identity.to_public()}", *self._signers()]
        text = "".join(f"# {comment}\n" for comment in comments) + f"{identity}\n"
        if name == "-":
            self.stdout.write(text, ending="")
        else:
            with create_private_file(Path(name)) as file:
                file.write(text.encode())
        output = self.stderr if name == "-" else self.stdout
        place = "on standard output" if name == "-" else f"in {name}"
        output.write(f"The private key is {place}. Take it away from this server, and keep it in two places.")
        output.write(f"BACKUP_RECIPIENTS={identity.to_public()}")

    def _signers(self) -> list[str]:
        # The holder of the private key sees whose backups to trust, also on a server without settings.
        if settings.AUDIT_SIGNING_KEY is None:
            return []
        try:
            name = log_name()
        except DatabaseError:  # there may be none yet, and the name proves nothing
            name = "reprotech"
        return [f"{SIGNER_COMMENT}{Signer(name, settings.AUDIT_SIGNING_KEY).verifier}"]
