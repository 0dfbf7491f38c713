"""`manage.py rotate_audit_key`: replace the audit log's signing key. The private key is never printed."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError

from audit.recorded_command import RecordedCommand
from audit.sealing.key_rotation import rotate_key
from audit.sealing.signing_keys import known_keys
from reprotech.core.actors import System
from reprotech.core.exceptions import Conflict
from reprotech.core.key_material import encode_seed, new_seed, parse_seed
from reprotech.core.secure_files import create_private_file


class Command(RecordedCommand):
    help = "Hand the audit log over to a new signing key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--to", type=Path, metavar="FILE", help="make a new private key and write it to this new file"
        )
        source.add_argument("--new-key-file", type=Path, metavar="FILE", help="take the private key in this file")
        parser.add_argument(
            "--old-key-is-lost",
            action="store_true",
            help="nobody has the present key any more: verifiers will report a break, which you must explain",
        )

    def handle(self, *_: object, to: Path | None, new_key_file: Path, old_key_is_lost: bool, **__: object) -> None:
        if to:
            seed = new_seed()
            _write_private(to, seed)
        else:
            seed = _read_private(new_key_file)
        # Before the rotation adds the new one.
        lost = known_keys()[-1:] if old_key_is_lost else []
        try:
            key = rotate_key(actor=System(), new_seed=seed, old_key_is_lost=old_key_is_lost)
        except BaseException as error:
            if to:
                to.unlink()  # nothing knows this key
            if isinstance(error, Conflict):
                raise CommandError(error.message) from None
            raise
        self.stdout.write(f"The audit log's new public key: {key}")
        for old in lost:
            self.stdout.write(
                "No key vouches for it, so every verifier reports a break. The key before it was, by the database:\n"
                f"{old}\nCompare that with the line that you or your auditors wrote down. Only if it is the same, set "
                f"AUDIT_TRUSTED_KEYS={old} as well: without it nothing is sealed, and the audit page and verify_audit "
                "report the break. Tell your auditors why the key was lost, and give them the new line yourself: they "
                "verify with --key for each of the two."
            )
        self.stdout.write(
            f"Now set AUDIT_SIGNING_KEY_FILE={(to or new_key_file).resolve()} (or AUDIT_SIGNING_KEY to what it holds) "
            "and restart the server. Until then nothing is sealed, and nothing is lost. "
            "Keep a copy of the key in a safe place."
        )


def _write_private(path: Path, seed: bytes) -> None:
    try:
        # It is on disk afterwards: the database names this key next, and a power failure must not lose its only copy.
        with create_private_file(path) as file:
            file.write(f"{encode_seed(seed)}\n".encode("ascii"))
    except FileExistsError:
        raise CommandError(f"{path} is there already. Name a new file.") from None
    except OSError as error:
        raise CommandError(f"The key can't be written to {path}: {error.strerror}.") from None


def _read_private(path: Path) -> bytes:
    try:
        return parse_seed(path.read_text(encoding="ascii"))
    except UnicodeDecodeError:
        raise CommandError(f"{path} holds no key.") from None
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise CommandError(f"What {path} holds {error}") from None
