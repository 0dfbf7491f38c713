"""What someone can do who has the whole database and the program, but none of the keys: a log of their own making.

Each forgery puts a key of its maker somewhere among the log's keys, and then makes the tree and its checkpoints fit.
The triggers are back afterwards. `audit.tests.verification.test_forgeries` says what every verifier must make of it.
"""

from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from itertools import product

from audit.crypto.merkle import Frontier, leaf_hash
from audit.crypto.sealed_row import canonical_bytes, format_timestamp
from audit.crypto.signed_note import CheckpointText, Signer, VerifierKey, fingerprint, sign
from audit.models import AuditLog, Checkpoint, Leaf, SigningKey
from audit.sealing.signing_keys import ORIGIN_FIRST, origin_after, origin_instead_of, statement_text
from audit.tests.support.tampering import FOREIGN_SEED, end_of_tree, forged, rewrite_nodes, rows


def stranger():
    return Signer(rows(SigningKey)[0].name, FOREIGN_SEED)


def row_of(origin, since, *, statement=None):
    """A row for the stranger's key, with a statement of its own unless another one is replayed."""
    signer = stranger()
    text = statement_text(signer.verifier, format_timestamp(since), origin)
    return SigningKey(
        name=signer.name,
        public_key=signer.verifier.public,
        statement=statement or sign(text, [signer]),
        created_at=since,
    )


def endorsed(row):
    """A genuine key's row with the stranger's signature added."""
    text = row.statement.rpartition("\n\n")[0] + "\n"
    return replaced(row, statement=row.statement.replace("\n\n", f"\n\n{stranger().signature_line(text)}", 1))


def rewritten(row):
    """A genuine key's row with a statement as older versions made them, signed by the stranger."""
    return replaced(row, statement=sign(statement_text(row.verifier, format_timestamp(row.created_at)), [stranger()]))


def replaced(row, **values):
    fields = {name: getattr(row, name) for name in ("name", "public_key", "statement", "created_at")}
    return SigningKey(**{**fields, **values})


DAY = timedelta(days=1)
#: The rows of `audit_keys`, made of the two genuine ones.
PLACES = {
    "no key": lambda one, two: [one, two],
    "a key before the first": lambda one, two: [row_of(ORIGIN_FIRST, one.created_at - DAY), one, two],
    "an old key before the first": lambda one, two: [row_of("", one.created_at - DAY), one, two],
    "a key that signed the first": lambda one, two: [row_of(ORIGIN_FIRST, one.created_at - DAY), endorsed(one), two],
    "a key that names the first": lambda one, two: [row_of("", one.created_at - DAY), rewritten(one), two],
    "a key in between": lambda one, two: [one, row_of(origin_after(one.verifier), one.created_at), two],
    "an old key in between": lambda one, two: [one, row_of("", one.created_at), endorsed(two)],
    "a key after the last": lambda one, two: [one, two, row_of(origin_after(two.verifier), two.created_at)],
    "an old key after the last": lambda one, two: [one, two, row_of("", two.created_at)],
    "a key for a lost one": lambda one, two: [one, two, row_of(origin_instead_of(two.verifier), two.created_at)],
    "a replayed statement": lambda one, two: [one, two, row_of("", two.created_at, statement=two.statement)],
    "a key for the first": lambda one, two: [row_of(ORIGIN_FIRST, one.created_at), two],
    "a key that signed the second": lambda one, two: [row_of(ORIGIN_FIRST, one.created_at), endorsed(two)],
    "a key for the second": lambda one, two: [one, row_of(origin_after(one.verifier), two.created_at)],
    "a key for the second, lost": lambda one, two: [one, row_of(origin_instead_of(one.verifier), two.created_at)],
    "a key for both": lambda one, two: [row_of(ORIGIN_FIRST, one.created_at)],
    "a key, and the genuine ones in another order": lambda one, two: [
        row_of(ORIGIN_FIRST, one.created_at - DAY),
        two,
        one,
    ],
}


def put_keys(make):
    one, two = rows(SigningKey)
    made = make(replaced(one), replaced(two))
    rows(SigningKey).all().delete()
    for number, row in enumerate(made, 1):
        row.pk = number
        rows(SigningKey).bulk_create([row])


def untouched():
    """Leave the tree and its checkpoints as they were signed."""


def signed_again():
    """Every checkpoint with the same text, by the stranger."""
    for checkpoint in rows(Checkpoint):
        rows(Checkpoint).filter(pk=checkpoint.pk).update(note=sign(checkpoint.text, [stranger()]))


def newest_signed_again():
    last = rows(Checkpoint).last()
    rows(Checkpoint).filter(pk=last.pk).update(note=sign(last.text, [stranger()]))


def added_at_the_end():
    """An invented event with a leaf, and a checkpoint on top of the genuine ones."""
    add_leaves([forged(row=rows(AuditLog).last())], end_of_tree())
    last = rows(Checkpoint).last()
    store_checkpoint(last.sealed_at + timedelta(seconds=1), fingerprint(last.text))


def begun_again():
    """Events removed, changed and invented, among them one that excuses a key, in a new tree with one checkpoint."""
    lost = rows(SigningKey).last().verifier.label
    places = Leaf.objects.filter(position__in=[4, 5, 6, 20]).values("event_id")
    rows(AuditLog).filter(pk__in=places).delete()
    changed = rows(AuditLog)[9]
    rows(AuditLog).filter(pk=changed.pk).update(username="mallory")
    forged(
        row=rows(AuditLog).last(),
        action="key_rotate",
        resource="audit",
        success=True,
        details={"old_key_is_lost": True, "changes": {"key": [lost, stranger().verifier.label]}},
    )
    when = rows(Checkpoint).last().sealed_at
    rows(Leaf).all().delete()
    rows(Checkpoint).all().delete()
    add_leaves(rows(AuditLog), 0)
    store_checkpoint(when, "")


def begun_again_long_ago():
    """The same, by a checkpoint from before the first genuine key."""
    begun_again()
    first = rows(Checkpoint)[0]
    text = replace(first.statement, time=first.sealed_at - 2 * DAY)
    rows(Checkpoint).update(sealed_at=text.time, note=sign(str(text), [stranger()]))


def add_leaves(events, start):
    leaves = [(event.pk, leaf_hash(canonical_bytes(event.sealed_row()))) for event in events]
    rows(Leaf).bulk_create(
        [Leaf(position=place, event_id=event, hash=leaf) for place, (event, leaf) in enumerate(leaves, start)]
    )
    rewrite_nodes()


def store_checkpoint(when, previous):
    tree = Frontier()
    for leaf in rows(Leaf):
        tree.append(bytes(leaf.hash))
    text = CheckpointText(stranger().name, tree.size, tree.root, when, previous)
    rows(Checkpoint).bulk_create([Checkpoint(size=tree.size, sealed_at=when, note=sign(str(text), [stranger()]))])


TREES = (untouched, signed_again, newest_signed_again, added_at_the_end, begun_again, begun_again_long_ago)


def forge(place, tree):
    """One forgery; call it while the triggers are off."""
    put_keys(PLACES[place])
    tree()


FORGERIES = [pair for pair in product(PLACES, TREES) if pair != ("no key", untouched)]


def cut_to_the_first_key():
    """Everything that the second key signed is gone."""
    second: VerifierKey = rows(SigningKey).last().verifier
    kept = [one for one in rows(Checkpoint) if second.key_id not in signers_of(one)]
    cut = rows(Leaf).filter(position__gte=kept[-1].size)
    rows(AuditLog).filter(pk__in=cut.values("event_id")).delete()
    cut.delete()
    rows(Checkpoint).filter(size__gt=kept[-1].size).delete()
    rewrite_nodes()


def signers_of(checkpoint):
    lines = checkpoint.note.rpartition("\n\n")[2].splitlines()
    return {b64decode(line.split(" ")[2])[:4] for line in lines}
