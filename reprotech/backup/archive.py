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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO

import pyrage
from pyrage import x25519

from audit.crypto.signed_note import Signer
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.signatures import Digests, Trust, digest

FORMAT = "reprotech-backup/2"
#: The first format had no signature.
SUPPORTED_FORMATS = ("reprotech-backup/1", FORMAT)
MANIFEST, SETTINGS, DATABASE, SIGNATURE = "manifest.json", "settings.env", "database.", "signature.txt"
#: Bytes of a chunk of the database, which is kept in memory.
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
    stream = _IteratorFile(_tar(manifest, settings, database, signer))
    try:
        pyrage.encrypt_io(stream, file, keys)
    except pyrage.EncryptError as error:
        raise (stream.failure or BackupFailed(f"The backup can't be encrypted: {error}")) from None


def _tar(manifest: dict[str, object], settings: str, database: Iterable[bytes], signer: Signer) -> Iterator[bytes]:
    first, second = json.dumps(manifest, indent=1).encode(), settings.encode()
    digests = Digests(digest(first), digest(second))
    yield from _member(MANIFEST, first)
    yield from _member(SETTINGS, second)
    reader = io.BufferedReader(_IteratorFile(iter(database)))
    for number, piece in enumerate(iter(partial(reader.read, CHUNK_SIZE), b"")):
        digests.pieces.append(digest(piece))
        yield from _member(f"{DATABASE}{number:06}", piece)
    yield from _member(SIGNATURE, digests.signed_by(signer).encode())
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, content: bytes) -> Iterator[bytes]:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), 0o600
    yield about.tobuf()
    yield content
    yield bytes(-len(content) % tarfile.BLOCKSIZE)


class _IteratorFile(io.RawIOBase):
    """An iterator of bytes as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held = chunks, memoryview(b"")
        #: The iterator's own exception, which the reader replaces by another.
        self.failure: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            try:
                chunk = next(self._chunks, None)
            except Exception as error:
                self.failure = error
                raise
            if chunk is None:
                return 0
            self._held = memoryview(chunk)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


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
    failures: list[Exception] = []
    thread = Thread(target=_decrypt, args=(path, sink, keys, failures.append), daemon=True)
    with os.fdopen(source, "rb") as plain:
        thread.start()
        try:
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                yield Archive(tar)
            while plain.read(CHUNK_SIZE):
                pass  # to the end: age notices a truncated file only there
        except (tarfile.TarError, ValueError, EOFError) as error:
            plain.close()
            thread.join()
            raise _backup_error(path, failures[0] if failures else error) from None
        finally:
            plain.close()
            thread.join()
    if failures:
        raise _backup_error(path, failures[0])


def _decrypt(path: Path, sink: int, keys: Sequence[x25519.Identity], fail: Callable[[Exception], None]) -> None:
    try:
        with os.fdopen(sink, "wb") as target, path.open("rb") as file:
            pyrage.decrypt_io(file, target, keys)
    except BrokenPipeError:
        pass  # the reader stopped early
    except Exception as error:  # noqa: BLE001 (the reader raises it)
        fail(error)


def _backup_error(path: Path, error: Exception) -> BackupFailed:
    if isinstance(error, BackupFailed):
        return error
    if isinstance(error, pyrage.DecryptError) and "No matching keys" in str(error):
        return BackupFailed(f"{path.name} was encrypted for another key.")
    if isinstance(error, OSError) and error.strerror:
        return BackupFailed(f"{path} can't be read: {error.strerror}.")
    return BackupFailed(f"{path.name} can't be read: {error}. It is no backup, or not whole.")
