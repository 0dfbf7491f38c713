"""The keys that sign checkpoints: which are known, and how each is replaced by the next.

The private key comes from the environment and never reaches the database. Each public key has a row with a statement, a
note that names the key before it and is signed by both; so a verifier that trusts one key can follow to the others
(`audit.verification.signatures`). The rows alone prove nothing: the owner of the database can add and move them.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from audit.crypto.sealed_row import format_timestamp
from audit.crypto.signed_note import Signer, VerifierKey, sign
from audit.models import Checkpoint, SigningKey
from reprotech.core.exceptions import Conflict

#: How a statement refers to the key before the new one. Part of the format.
ORIGIN_FIRST = "as the first"


def origin_after(key: VerifierKey) -> str:
    return f"after {key}"


def origin_instead_of(key: VerifierKey) -> str:
    return f"instead of {key}"


class SigningKeyError(Conflict):
    """The configured key may not sign; the message says why, and what to do."""


def log_name() -> str:
    """The log's name, in its checkpoints and with its keys: permanently the one of the first key."""
    first = SigningKey.objects.values_list("name", flat=True).first()
    address = urlsplit(settings.PUBLIC_URL)
    return first or f"{address.netloc}{address.path}/audit"


def known_keys() -> list[VerifierKey]:
    return [row.verifier for row in SigningKey.objects.all()]


def configured_signer() -> Signer:
    """The configured key, whether or not it may sign now; raises SigningKeyError without one."""
    if settings.AUDIT_SIGNING_KEY is None:
        raise SigningKeyError("The audit log is not sealed: AUDIT_SIGNING_KEY is not set.")
    return Signer(log_name(), settings.AUDIT_SIGNING_KEY)


def current_signer() -> Signer:
    """The configured key, if it is the newest known one; the first one is registered. Raises SigningKeyError."""
    signer = configured_signer()
    known = known_keys()
    if not known:
        # Registering a first key now would cover up that the keys were removed.
        if Checkpoint.objects.exists():
            raise SigningKeyError("The keys that signed the audit log are missing: manage.py verify_audit tells more.")
        _register(signer, ORIGIN_FIRST)
    elif signer.verifier != known[-1]:
        raise SigningKeyError(
            f"AUDIT_SIGNING_KEY is {signer.verifier.label}, but the newest key of the audit log is {known[-1].label}. "
            "Set the key that belongs to this log, and restart; a new one takes over with: manage.py rotate_audit_key."
        )
    return signer


def endorse_new_key(new_seed: bytes) -> Signer:
    """Register a new key, signed by the current one; afterwards AUDIT_SIGNING_KEY must be the new one."""
    old = current_signer()
    new = _new_signer(old.name, new_seed)
    _register(new, origin_after(old.verifier), endorsed_by=old)
    return new


def replace_lost_key(new_seed: bytes) -> Signer:
    """Register a new key that only it signs, since the current one is lost.

    Verifiers stop at this break until they trust the lost key as well. Raises SigningKeyError unless a key is lost.
    """
    known = known_keys()
    if not known:
        raise SigningKeyError("No key has signed yet, so none can be lost. Set AUDIT_SIGNING_KEY.")
    name, seed = log_name(), settings.AUDIT_SIGNING_KEY
    if seed is not None and Signer(name, seed).verifier == known[-1]:
        raise SigningKeyError("AUDIT_SIGNING_KEY is the present key, so it isn't lost: hand over to a new one.")
    signer = _new_signer(name, new_seed)
    _register(signer, origin_instead_of(known[-1]))
    return signer


def _new_signer(name: str, seed: bytes) -> Signer:
    signer = Signer(name, seed)
    # An old key may be the one that was stolen: it must not become the present one again.
    if signer.verifier in known_keys():
        raise SigningKeyError(f"{signer.verifier.label} is not new: it is or was a key of this log.")
    return signer


def statement_text(key: VerifierKey, time: str, origin: str = "") -> str:
    """The text by which a key signs for the log from now on.

    `origin` is ORIGIN_FIRST, `origin_after` or `origin_instead_of` another key; older versions left it empty.
    """
    return f"{key.name}\nsigning key\n{key}\ntime {time}{origin and f' {origin}'}\n"


def _register(signer: Signer, origin: str, *, endorsed_by: Signer | None = None) -> None:
    # Store a key and its statement. Its time is not before any earlier signature, even if a clock was set back.
    checkpoint, key = Checkpoint.objects.last(), SigningKey.objects.last()
    earlier = [checkpoint.sealed_at if checkpoint else None, key.created_at if key else None]
    now = max([timezone.now(), *filter(None, earlier)])
    text = statement_text(signer.verifier, format_timestamp(now), origin)
    signers = [endorsed_by, signer] if endorsed_by else [signer]
    SigningKey.objects.create(
        name=signer.name, public_key=signer.verifier.public, statement=sign(text, signers), created_at=now
    )
