"""No change of a sealed log goes unseen, and each is named: a few hundred events, altered in every way."""

import pytest
from django.db import transaction

from audit.sealing.append_only_triggers import suspended
from audit.sealing.key_rotation import rotate_key
from audit.sealing.sealer import LedgerCorrupted, Sealer, latest_checkpoint
from audit.tests.support.mutations import MUTATIONS
from audit.tests.support.tampering import NEW_SEED, OLD_SEED, write, write_history
from audit.verification.findings import Kind
from audit.verification.verifier import Verification
from reprotech.core.actors import System


@pytest.fixture
def history(db, settings):
    """A sealed log, and the note of its newest checkpoint, as kept elsewhere."""
    settings.AUDIT_SIGNING_KEY = OLD_SEED
    sealer = Sealer()

    def rotate():
        rotate_key(actor=System(), new_seed=NEW_SEED)
        settings.AUDIT_SIGNING_KEY = NEW_SEED

    write_history(sealer.seal, rotate)
    return sealer, latest_checkpoint().note


def found(**options):
    """What a verification finds, but for the triggers, which are off while something is altered."""
    return [one for one in Verification(**options).findings() if one.kind != Kind.GUARD]


def names(finding, named):
    """Whether it points at this event or position, alone or within a range."""
    if named.event is not None and named.event in finding.events:
        return True
    return None not in {named.place, finding.start, finding.end} and finding.start <= named.place < finding.end


def missed(mutation, note):
    """What is wrong with the findings about a mutation; "" when nothing."""
    with transaction.atomic():
        named = mutation.mutate()
        before = found() if mutation.needs_kept else []
        findings = found(kept_notes=[note] if mutation.needs_kept else [])
        transaction.set_rollback(True)
    if before:
        return f"was found without the note that was kept: {[str(one) for one in before]}"
    if not any(one.is_warning == mutation.is_warning for one in findings):
        return "was not found"
    if named != (None, None) and not any(names(one, named) for one in findings):
        return f"was found, but {named} not named: {[str(one) for one in findings]}"
    return ""


@pytest.mark.slow
def test_every_change_is_found_and_named(history):
    _, note = history
    assert found() == found(kept_notes=[note]) == []
    with suspended():
        wrong = {mutation.name: problem for mutation in MUTATIONS if (problem := missed(mutation, note))}
        assert len(MUTATIONS) > 75
    assert wrong == {}
    assert found() == []


def test_a_sealer_that_runs_knows_what_was_cut_off(history):
    sealer, _ = history
    cut = next(mutation for mutation in MUTATIONS if mutation.name == "everything since an earlier checkpoint deleted")
    with suspended():
        cut.mutate()
    assert found() == []
    write(1)
    with pytest.raises(LedgerCorrupted):
        sealer.seal()
