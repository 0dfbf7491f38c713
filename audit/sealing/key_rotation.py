"""Replaces the audit log's signing key, on record."""

from typing import Any

from audit.authorization import authorize, recording_denials
from audit.crypto.signed_note import VerifierKey
from audit.models import Action
from audit.permissions import AUDIT_MAINTAIN
from audit.sealing.sealer import Sealer, sealing_lock
from audit.sealing.signing_keys import endorse_new_key, known_keys, replace_lost_key
from audit.services import record
from reprotech.core.actors import Actor


@recording_denials
def rotate_key(*, actor: Actor, new_seed: bytes, old_key_is_lost: bool = False) -> VerifierKey:
    """Make a new key the current one. Until AUDIT_SIGNING_KEY is set to it, servers seal nothing and say so.

    The new key signs the log at once: servers then seal nothing on a later checkpoint by the old key, even if that was
    stolen. A lost old key must first be named in AUDIT_TRUSTED_KEYS. Raises SigningKeyError or LedgerCorrupted.
    """
    authorize(actor, AUDIT_MAINTAIN)
    with sealing_lock():
        known = known_keys()
        signer = replace_lost_key(new_seed) if old_key_is_lost else endorse_new_key(new_seed)
        lost: dict[str, Any] = {"old_key_is_lost": True} if old_key_is_lost else {}
        record(
            actor=actor,
            action=Action.KEY_ROTATE,
            resource="audit",
            changes={"key": (known[-1].label if known else None, signer.verifier.label)},
            **lost,
        )
        if not old_key_is_lost:
            Sealer(signer).seal()
    return signer.verifier
