"""A backup's signature: a signed note over digests of its parts, made with the key that signs the audit log.

Auditors have that key's public half already, so a restore can check a backup on a server without settings; and only
that key can continue a restored log. The second line of the text differs from that of checkpoints and key statements,
so that none can pass for another.
"""

import hashlib
import re
from argparse import ArgumentParser
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.crypto.signed_note import NoteError, Signer, VerifierKey, key_ids, verify_note
from reprotech.backup.exceptions import BackupFailed

#: Precedes a trusted public key in the comments of a private key file.
SIGNER_COMMENT = "backups are signed by: "
UNSIGNED_MESSAGE = (
    "It has no signature, so anyone who can write to the place where backups are kept may have made it. If you know "
    "that it is one of yours, from before backups were signed, restore it with --accept-unsigned."
)
UNKNOWN_SIGNER_MESSAGE = (
    "It is signed with the key {}, which nothing here says is yours. If that was this installation's key before a "
    "rotation, set AUDIT_SIGNING_KEY to it for the restore, and replace it afterwards by manage.py rotate_audit_key. "
    "On a server without settings name the public key of your installation, as manage.py audit_keys printed it there: "
    "--signed-by KEY."
)
ALTERED_MESSAGE = "What it holds is not what was signed: it was put together or changed without the key."


@dataclass(slots=True)
class Digests:
    """SHA-256 digests of a backup's parts."""

    manifest: bytes
    settings: bytes
    pieces: list[bytes] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The text to sign, for a key of this name."""
        parts = {
            "manifest": b64encode(self.manifest).decode(),
            "settings": b64encode(self.settings).decode(),
            f"database {len(self.pieces)}": b64encode(digest(b"".join(self.pieces))).decode(),
        }
        return f"{name}\nbackup\n" + "".join(f"{part} {value}\n" for part, value in parts.items())


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys whose backups may be restored, according to settings or the operator, never the archive."""

    #: Ed25519 public keys. The same key has another name in another installation, so only the bytes count.
    keys: frozenset[bytes] = frozenset()
    accepts_unsigned: bool = False

    @classmethod
    def of(cls, seed: bytes | None, lines: Iterable[str] = (), *, accepts_unsigned: bool = False) -> "Trust":
        """Trust a private key and public ones as `manage.py audit_keys` prints them; raises BackupFailed."""
        own = [Signer("", seed).verifier.public] if seed else []
        return cls(frozenset([*own, *map(public_key, lines)]), accepts_unsigned)

    def signer_of(self, signature: str | None, digests: Digests) -> bytes | None:
        """The trusted key that signed, None if an unsigned backup is accepted; raises BackupFailed otherwise."""
        if signature is None:
            if self.accepts_unsigned:
                return None
            raise BackupFailed(UNSIGNED_MESSAGE)
        keys = [VerifierKey(signature.partition("\n")[0], public) for public in self.keys]
        try:
            found = key_ids(signature)
        except NoteError:
            raise BackupFailed("Its signature is damaged.") from None
        if not {key.key_id for key in keys}.intersection(found):
            raise BackupFailed(UNKNOWN_SIGNER_MESSAGE.format(" and ".join(key_id.hex() for key_id in found)))
        try:
            text, signed_by = verify_note(signature, keys)
        except NoteError:
            raise BackupFailed(ALTERED_MESSAGE) from None
        # A genuine signature, but of something else, such as another backup.
        if text != digests.text(signed_by[0].name):
            raise BackupFailed(ALTERED_MESSAGE)
        return signed_by[0].public


def add_trust_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--signed-by",
        action="append",
        default=[],
        metavar="KEY",
        help="a public key whose backups are trusted, as manage.py audit_keys prints it, beside AUDIT_SIGNING_KEY",
    )
    parser.add_argument(
        "--accept-unsigned",
        action="store_true",
        help="restore a backup without a signature, as older versions made them: anybody may have made it",
    )


def signers_in(text: str) -> list[str]:
    """The trusted signers in the comments of a private key file."""
    return re.findall(rf"^# {SIGNER_COMMENT}(.+)$", text, re.MULTILINE)


def public_key(line: str) -> bytes:
    """The public key in a line of `manage.py audit_keys`; raises BackupFailed."""
    try:
        return VerifierKey.parse(line).public
    except NoteError as error:
        raise BackupFailed(f"{line[:200]!r} is no public key as manage.py audit_keys prints it: {error}") from None


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
