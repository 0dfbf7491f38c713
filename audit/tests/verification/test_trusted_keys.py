"""Which keys a verification trusts: those that are named to it, and those that statements connect to them."""

from datetime import timedelta

import pytest

from audit.crypto.sealed_row import format_timestamp
from audit.crypto.signed_note import Signer, sign
from audit.models import SigningKey
from audit.sealing.append_only_triggers import suspended
from audit.sealing.key_rotation import rotate_key
from audit.sealing.sealer import Sealer
from audit.sealing.signing_keys import known_keys, origin_instead_of, statement_text
from audit.tests.support.sealed_log import complete
from audit.tests.support.standalone_verifier import verify
from audit.tests.support.tampering import NEW_SEED, rows
from audit.tests.support.verifying import found, run, seal, upkeep
from audit.verification.findings import Kind
from audit.verification.verifier import CannotVerify
from reprotech.core.actors import System


def test_a_key_that_is_pinned_must_be_the_logs(db, settings):
    seal(3)
    first = known_keys()[0]
    rotate_key(actor=System(), new_seed=NEW_SEED)
    settings.AUDIT_SIGNING_KEY = NEW_SEED
    seal(3)
    assert found() == found(pinned=[first]) == found(pinned=known_keys()[1:]) == []
    stranger = Signer(first.name, b"s" * 32).verifier
    assert [one.kind for one in found(pinned=[stranger])] == [Kind.KEY]
    settings.AUDIT_SIGNING_KEY = None
    assert found(pinned=[first]) == []
    with pytest.raises(CannotVerify):
        found()


@pytest.mark.parametrize("details", [{"old_key_is_lost": True}, {}])
def test_what_the_log_says_of_a_lost_key_excuses_nothing(db, settings, details):
    seal(3)
    first, old_seed = known_keys()[0], settings.AUDIT_SIGNING_KEY
    signer = Signer(first.name, NEW_SEED)
    row = SigningKey(name=first.name, public_key=signer.verifier.public)
    row.statement = sign(
        statement_text(signer.verifier, format_timestamp(row.created_at), origin_instead_of(first)), [signer]
    )
    row.save()
    upkeep("key_rotate", changes={"key": (first.label, signer.verifier.label)}, **details)
    settings.AUDIT_SIGNING_KEY = NEW_SEED
    settings.AUDIT_TRUSTED_KEYS = [first]
    seal(3)
    assert found() == found(pinned=[first, signer.verifier]) == []
    settings.AUDIT_TRUSTED_KEYS = []
    assert [one.kind for one in found()] == [Kind.KEY]
    assert not found()[0].is_warning
    assert {one.kind for one in found(pinned=[first])} == {Kind.KEY, Kind.CHECKPOINT}
    with suspended():  # who found the lost key signs for the new one
        line = Signer(first.name, old_seed).signature_line(row.statement.rpartition("\n\n")[0] + "\n")
        rows(SigningKey).filter(pk=row.pk).update(statement=row.statement.replace("\n\n", f"\n\n{line}", 1))
    assert [one.kind for one in found()] == [Kind.KEY]
    assert verify(complete(), "--key", signer.verifier)[0] == 1


def test_rotations_of_older_versions_verify_with_a_word_of_warning_to_who_knows_only_the_newest_key(db, settings):
    """Their statements don't name the key before, as the one of the first key doesn't say that it is the first."""
    old_seed = settings.AUDIT_SIGNING_KEY
    seal(3)
    rotate_key(actor=System(), new_seed=NEW_SEED)
    settings.AUDIT_SIGNING_KEY = NEW_SEED
    seal(3)
    old, new = (Signer(known_keys()[0].name, seed) for seed in (old_seed, NEW_SEED))
    with suspended():
        for row, signers in zip(rows(SigningKey), ([old], [old, new]), strict=True):
            statement = sign(statement_text(row.verifier, format_timestamp(row.created_at)), signers)
            rows(SigningKey).filter(pk=row.pk).update(statement=statement)
    assert found(pinned=[old.verifier]) == found(pinned=[old.verifier, new.verifier]) == []
    assert [one.kind for one in found()] == [one.kind for one in found(pinned=[new.verifier])] == [Kind.OLD_STATEMENT]
    assert run("--quiet")[0] == 0
    Sealer().seal()


def test_nobody_can_put_a_key_before_the_first_one_of_an_older_version(db, settings):
    """Its statement doesn't say that it is the first, and anybody can add a signature to it."""
    seal(3)
    own = Signer(known_keys()[0].name, settings.AUDIT_SIGNING_KEY)
    row = SigningKey.objects.get()
    text = statement_text(own.verifier, format_timestamp(row.created_at))
    stranger = Signer(own.name, b"s" * 32)
    with suspended():
        before = row.created_at - timedelta(days=1)
        theirs = sign(statement_text(stranger.verifier, format_timestamp(before)), [stranger])
        rows(SigningKey).filter(pk=row.pk).update(statement=sign(text, [stranger, own]))
        rows(SigningKey).bulk_create([SigningKey(0, own.name, stranger.verifier.public, theirs, before)])
    assert {one.kind for one in found()} == {Kind.OLD_STATEMENT, Kind.KEY}
