"""Signed notes and checkpoints, in the text forms of C2SP (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

A note is text, an empty line, and signature lines: `— <key name> <base64 of key id and signature>`.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.crypto.sealed_row import format_timestamp

ED25519 = b"\x01"
KEY_ID_BYTES = 4
DASH = "\N{EM DASH}"


class NoteError(ValueError):
    """The text is no note, or not signed by the given keys; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_BYTES]

    @property
    def label(self) -> str:
        """Name and id, as in messages."""
        return f"{self.name}+{self.key_id.hex()}"

    def __str__(self) -> str:
        """The text form in which verifiers share keys: name+id+base64."""
        return f"{self.label}+{b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Parse the text form; raises NoteError."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = b64decode(encoded, validate=True)
        except ValueError:
            raise NoteError("This is no public key of the form name+id+base64.") from None
        key = cls(name, raw[1:])
        if raw[:1] != ED25519 or len(key.public) != 32 or not name or key.key_id.hex() != key_id:  # noqa: PLR2004
            raise NoteError("This public key is damaged, or not an Ed25519 key.")
        return key

    def is_signature(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key (its 32 bytes) with its name."""

    name: str
    seed: bytes

    def __repr__(self) -> str:  # without the seed, which must not reach a log
        return f"Signer({self.name!r})"

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self._private.public_key().public_bytes_raw())

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def signature_line(self, text: str) -> str:
        """The signature line over a text that ends with a newline."""
        signed = self.verifier.key_id + self._private.sign(text.encode())
        return f"{DASH} {self.name} {b64encode(signed).decode()}\n"


def sign(text: str, signers: Iterable[Signer]) -> str:
    """The note of a text that ends with a newline."""
    return f"{text}\n{''.join(signer.signature_line(text) for signer in signers)}"


def verify_note(note: str, keys: Iterable[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """The text of a note and those of `keys` that signed it; raises NoteError unless at least one did.

    Signatures of unknown keys are ignored; a wrong one by a known key invalidates the whole note.
    """
    text, lines = _split_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    signed_by = []
    for name, signature in lines:
        key = known.get((name, signature[:KEY_ID_BYTES]))
        if key is None:
            continue
        if not key.is_signature(text, signature[KEY_ID_BYTES:]):
            raise NoteError(f"The signature of {key.label} does not fit the text.")
        signed_by.append(key)
    if not signed_by:
        raise NoteError("No known key signed this.")
    return text, signed_by


def key_ids(note: str) -> list[bytes]:
    """The ids of the keys that a note claims to be signed with; raises NoteError."""
    return [signature[:KEY_ID_BYTES] for _, signature in _split_note(note)[1]]


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteError("This is no signed note: text, an empty line, signatures.")
    lines = []
    for line in signatures.removesuffix("\n").split("\n"):
        words = line.split(" ")
        try:
            dash, name, encoded = words
            signature = b64decode(encoded, validate=True)
        except ValueError:
            raise NoteError("A signature line is damaged.") from None
        # Base64 has several texts for the same bytes. Only the canonical one passes, so that a note can't be altered.
        if dash != DASH or b64encode(signature).decode() != encoded:
            raise NoteError("A signature line is damaged.")
        lines.append((name, signature))
    return f"{text}\n", lines


def fingerprint(text: str) -> str:
    """SHA-256 of a note's text, base64: the reference of a checkpoint to the one before it."""
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class CheckpointText:
    """The content of a checkpoint."""

    origin: str
    size: int
    root: bytes
    time: datetime
    #: The fingerprint of the checkpoint before, "" for the first.
    previous: str = ""

    def __str__(self) -> str:
        lines = [self.origin, str(self.size), b64encode(self.root).decode(), f"time {format_timestamp(self.time)}"]
        if self.previous:
            lines.append(f"previous {self.previous}")
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "CheckpointText":
        """Parse a note's text; raises NoteError."""
        lines = text.removesuffix("\n").split("\n")
        extensions = dict(line.partition(" ")[::2] for line in lines[3:])
        try:
            parsed = cls(
                origin=lines[0],
                size=int(lines[1]),
                root=b64decode(lines[2], validate=True),
                time=datetime.fromisoformat(extensions["time"]),
                previous=extensions.get("previous", ""),
            )
        except (ValueError, LookupError):
            raise NoteError("This is no checkpoint of an audit log.") from None
        if str(parsed) != text:
            raise NoteError("This checkpoint is not in its one proper form.")
        return parsed

    @classmethod
    def verified(cls, note: str, keys: Iterable[VerifierKey]) -> "CheckpointText":
        """The content of a note that at least one of `keys` signed; raises NoteError."""
        return cls.parse(verify_note(note, keys)[0])
