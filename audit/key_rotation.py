"""Handing the audit log over to a new signing key, on record."""

from typing import Any

from audit.keys import hand_over, known_keys, replace_lost_key
from audit.models import Action, SigningKey
from audit.sealing import nobody_seals
from audit.services import Actor, record


def rotate_key(*, actor: Actor, new_seed: bytes, old_key_is_lost: bool = False) -> SigningKey:
    """Make a new key the present one. Until AUDIT_SIGNING_KEY is set to it, servers seal nothing and say so.

    Raises KeyRefused.
    """
    with nobody_seals():
        known = known_keys()
        key = replace_lost_key(new_seed) if old_key_is_lost else hand_over(new_seed)
        lost: dict[str, Any] = {"old_key_is_lost": True} if old_key_is_lost else {}
        record(
            actor=actor,
            action=Action.KEY_ROTATE,
            resource="audit",
            changes={"key": (known[-1].label if known else None, key.verifier.label)},
            **lost,
        )
    return key
