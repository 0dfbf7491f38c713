"""The file of a backup: a tar archive, encrypted in the format of age (age-encryption.org).

Its members are `manifest.json`, `settings.env`, the database in pieces, `database.000000` and so on, since a tar
archive must tell the size of each member before its content, and `signature.txt`, over digests of all of them. With the
standard tools:

    age --decrypt --identity KEY BACKUP | tar --extract --to-stdout --wildcards 'database.*' > database

age proves that a file is whole, not who made it: anybody can encrypt for a public key. So an archive is read twice.
`check_archive` reads all of it and verifies the signature; `Checked.database` gives out each piece only after comparing
it with what was verified, since the file may have been replaced in between.

Nothing here knows Django, since a restore begins before there are settings.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyrage
from pyrage import x25519

from audit.crypto.signed_note import Signer, sign
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.signatures import Digests, Trust, digest

FORMAT = "reprotech-backup/2"
#: The first format had no signature.
SUPPORTED_FORMATS = ("reprotech-backup/1", FORMAT)
MANIFEST, SETTINGS, DATABASE, SIGNATURE = "manifest.json", "settings.env", "database.", "signature.txt"
#: Bytes of a chunk of the database at most, which is kept in memory.
CHUNK_SIZE = 8 * 1024**2
#: Larger than any manifest or settings.
MAX_HEADER_BYTES = 4 * 1024**2


def parse_recipient(text: str) -> x25519.Recipient:
    try:
        return x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise BackupFailed(f"{text!r} is no public key of age: it begins with age1.") from None


def parse_identities(text: str) -> list[x25519.Identity]:
    """The private keys in a key file as `age-keygen` writes it; raises BackupFailed."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    try:
        found = [x25519.Identity.from_str(line) for line in lines]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise BackupFailed("The file of the private key holds no line that begins with AGE-SECRET-KEY-1.")
    return found


def write_archive(
    file: BinaryIO,
    manifest: dict[str, object],
    settings: str,
    database: Iterable[bytes],
    *,
    keys: Sequence[x25519.Recipient],
    signer: Signer,
) -> None:
    """Each chunk of the database becomes a member. Raises BackupFailed, OSError, and what `database` raises."""
    texts = {MANIFEST: json.dumps(manifest, indent=1).encode(), SETTINGS: settings.encode()}
    digests = Digests(digest(texts[MANIFEST]), digest(texts[SETTINGS]))
    source, sink = os.pipe()
    with ThreadPoolExecutor(1) as executor:
        encryption = executor.submit(_encrypt, source, file, keys)
        # A broken pipe is a failed encryption, whose reason follows.
        with suppress(BrokenPipeError), os.fdopen(sink, "wb") as target, tarfile.open(fileobj=target, mode="w|") as tar:
            for name, text in texts.items():
                _add(tar, name, text)
            for number, piece in enumerate(database):
                digests.pieces.append(digest(piece))
                _add(tar, f"{DATABASE}{number:06}", piece)
            _add(tar, SIGNATURE, sign(digests.text(signer.name), [signer]).encode())
        encryption.result()


def _encrypt(source: int, file: BinaryIO, keys: Sequence[x25519.Recipient]) -> None:
    with os.fdopen(source, "rb") as plain:
        try:
            pyrage.encrypt_io(plain, file, keys)
        except pyrage.EncryptError as error:
            raise BackupFailed(f"The backup can't be encrypted: {error}") from None


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


class Archive:
    """A backup being read, in the order in which it was written. Its content is untrusted."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.manifest, self.settings = self._small(tar.next(), MANIFEST), self._small(tar.next(), SETTINGS)
        #: The unverified signature, known once all chunks were read; None without one.
        self.signature: str | None = None

    def pieces(self) -> Iterator[bytes]:
        """The chunks of the database."""
        number = 0
        while (member := self._tar.next()) is not None and member.name != SIGNATURE:
            if member.name != f"{DATABASE}{number:06}":
                raise BackupFailed(f"A piece of the database is missing before {member.name[:60]!r}.")
            yield self._content(member, CHUNK_SIZE)
            number += 1
        if member is None:
            return
        self.signature = self._small(member, SIGNATURE).decode("utf-8", errors="replace")
        if (extra := self._tar.next()) is not None:
            raise BackupFailed(f"It holds {extra.name[:60]!r} after its signature.")

    def _small(self, member: tarfile.TarInfo | None, name: str) -> bytes:
        if member is None or member.name != name:
            raise BackupFailed(f"It holds no {name} where there should be one.")
        return self._content(member, MAX_HEADER_BYTES)

    def _content(self, member: tarfile.TarInfo, most: int) -> bytes:
        content = self._tar.extractfile(member) if member.isreg() and member.size <= most else None
        if content is None:
            raise BackupFailed(f"{member.name[:60]!r} is no file of a backup.")
        return content.read()


@dataclass(frozen=True)
class VerifiedArchive:
    """A backup that was read completely and whose signature was verified."""

    path: Path
    identities: Sequence[x25519.Identity]
    manifest: dict[str, object]
    settings: str
    digests: Digests
    #: The public key that signed it; None for an accepted unsigned backup.
    signer: bytes | None

    def database(self) -> Iterator[bytes]:
        """The database, read from the file again; each chunk must be the one that was verified."""
        number = 0
        with open_archive(self.path, self.identities) as archive:
            for number, piece in enumerate(archive.pieces(), start=1):
                if self.digests.pieces[number - 1 : number] != [digest(piece)]:
                    raise BackupFailed(f"{self.path.name} was changed while it was being restored.")
                yield piece
        if number != len(self.digests.pieces):
            raise BackupFailed(f"{self.path.name} was changed while it was being restored.")


def check_archive(path: Path, keys: Sequence[x25519.Identity], trust: Trust) -> VerifiedArchive:
    """Read a backup completely and verify its signature; raises BackupFailed."""
    with open_archive(path, keys) as archive:
        pieces = [digest(piece) for piece in archive.pieces()]
    digests = Digests(digest(archive.manifest), digest(archive.settings), pieces)
    signer = trust.signer_of(archive.signature, digests)
    try:
        manifest, settings = json.loads(archive.manifest), archive.settings.decode()
        form = manifest["format"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise BackupFailed("Its manifest or its settings can't be read.") from None
    if form not in SUPPORTED_FORMATS:
        raise BackupFailed(f"Its format is {form!r}: a newer version of Reprotech made it.")
    return VerifiedArchive(path, keys, manifest, settings, digests, signer)


@contextmanager
def open_archive(path: Path, keys: Sequence[x25519.Identity]) -> Iterator[Archive]:
    """Decrypt a backup while it is read. Raises BackupFailed, also at the end, for an incomplete file.

    What is read before that is authentic: age authenticates each part before it decrypts it.
    """
    source, sink = os.pipe()
    with ThreadPoolExecutor(1) as executor, os.fdopen(source, "rb") as plain:
        decryption = executor.submit(_decrypt, path, sink, keys)
        try:
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                yield Archive(tar)
            while plain.read(CHUNK_SIZE):
                pass  # to the end: age notices a truncated file only there
        except (tarfile.TarError, ValueError, EOFError) as error:
            plain.close()
            raise _backup_error(path, decryption.exception() or error) from None
    if failure := decryption.exception():
        raise _backup_error(path, failure)


def _decrypt(path: Path, sink: int, keys: Sequence[x25519.Identity]) -> None:
    # A broken pipe: the reader stopped early.
    with suppress(BrokenPipeError), os.fdopen(sink, "wb") as target, path.open("rb") as file:
        pyrage.decrypt_io(file, target, keys)


def _backup_error(path: Path, error: BaseException) -> BackupFailed:
    if isinstance(error, BackupFailed):
        return error
    if isinstance(error, pyrage.DecryptError) and "No matching keys" in str(error):
        return BackupFailed(f"{path.name} was encrypted for another key.")
    if isinstance(error, OSError) and error.strerror:
        return BackupFailed(f"{path} can't be read: {error.strerror}.")
    return BackupFailed(f"{path.name} can't be read: {error}. It is no backup, or not whole.")
