"""Bundles of an answer: the server signs the whole first line, with what it answered and which events it put below it.

`docs/audit.md` describes the format, and `scripts/verify-export` checks it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from audit.crypto.sealed_row import encode
from audit.crypto.signed_note import sign
from audit.export.bundles import Bundle, base64_text, selected_bundle
from audit.models.querysets import AuditLogQuerySet
from audit.sealing.signing_keys import current_signer

#: The second line of the signed text. No checkpoint and no statement of a key has it there.
PURPOSE = "signed answer"


def answer_bundle(events: AuditLogQuerySet, name: str, answer: Mapping[str, object]) -> Bundle:
    """The sealed ones of `events` with the answer that rests on them; raises ProofUnavailable or SigningKeyError."""
    bundle = selected_bundle(events, {})
    leaves = hashlib.sha256()
    for some in bundle.places:
        for place in some:
            leaves.update(place.leaf)
    said = {**answer, "leaves": leaves.hexdigest()}
    header = {**bundle.header, "filters": {name: said}}
    signer = current_signer()
    text = f"{signer.name}\n{PURPOSE}\n{base64_text(hashlib.sha256(encode(header)).digest())}\n"
    return replace(bundle, header=header | {"filters": {name: {**said, "signed": sign(text, [signer])}}})
