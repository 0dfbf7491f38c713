"""The keys that sign checkpoints: which are known, and how one hands over to the next.

The private key comes from the environment and never reaches the database. Each public key stands in a row with a
statement, a note signed by the key before it and by itself; so whoever trusts one key can follow to the present one.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from audit.canonical import moment
from audit.models import SigningKey
from audit.notes import Signer, VerifierKey, sign


class KeyRefused(Exception):
    """The configured key may not sign; the message says why, and what to do."""


def log_name() -> str:
    """The log's name, in its checkpoints and with its keys: for good what the first key was registered with."""
    first = SigningKey.objects.values_list("name", flat=True).first()
    address = urlsplit(settings.PUBLIC_URL)
    return first or f"{address.netloc}{address.path}/audit"


def known_keys() -> list[VerifierKey]:
    """Every key of this log, the oldest first."""
    return [row.verifier for row in SigningKey.objects.all()]


def current_signer() -> Signer:
    """The configured key, if it is the newest known one; the first of all makes itself known. Raises KeyRefused."""
    if settings.AUDIT_SIGNING_KEY is None:
        raise KeyRefused("The audit log is not sealed: AUDIT_SIGNING_KEY is not set.")
    signer = Signer(log_name(), settings.AUDIT_SIGNING_KEY)
    known = known_keys()
    if not known:
        _register(signer, signer)
    elif signer.verifier != known[-1]:
        raise KeyRefused(
            f"AUDIT_SIGNING_KEY is {signer.verifier.label}, but the audit log is signed with {known[-1].label}. "
            "Set the key that belongs to this log, and restart; a new one takes over with: manage.py rotate_audit_key."
        )
    return signer


def hand_over(new_seed: bytes) -> SigningKey:
    """Make a new key known, by the word of the present one; afterwards AUDIT_SIGNING_KEY must be the new one."""
    signer = current_signer()
    return _register(_unknown(signer.name, new_seed), signer)


def replace_lost_key(new_seed: bytes) -> SigningKey:
    """Make a new key known by its own word alone, since nobody has the present one any more.

    To a verifier that is a break, which somebody must vouch for. Raises KeyRefused when there is no need of it.
    """
    known = known_keys()
    if not known:
        raise KeyRefused("No key has signed yet, so none can be lost. Set AUDIT_SIGNING_KEY.")
    name, seed = log_name(), settings.AUDIT_SIGNING_KEY
    if seed is not None and Signer(name, seed).verifier == known[-1]:
        raise KeyRefused("AUDIT_SIGNING_KEY is the present key, so it isn't lost: hand over to a new one.")
    signer = _unknown(name, new_seed)
    return _register(signer, signer)


def _unknown(name: str, seed: bytes) -> Signer:
    signer = Signer(name, seed)
    if signer.verifier in known_keys():
        raise KeyRefused(f"{signer.verifier.label} is not new: it is or was a key of this log.")
    return signer


def statement_text(name: str, key: VerifierKey, time: str) -> str:
    """The text by which one key says that another one signs for the log from now on."""
    return f"{name}\nsigning key\n{key}\ntime {time}\n"


def _register(signer: Signer, endorsed_by: Signer) -> SigningKey:
    now = timezone.now()
    text = statement_text(signer.name, signer.verifier, moment(now))
    signers = dict.fromkeys([endorsed_by, signer])
    return SigningKey.objects.create(
        name=signer.name, public_key=signer.verifier.public, statement=sign(text, signers), created_at=now
    )
