"""Mutations of what seals the events: the end of the tree, its nodes, checkpoints and keys, and erased parts."""

from dataclasses import replace
from datetime import timedelta

from audit.crypto.sealed_row import actor_part, commitment
from audit.crypto.signed_note import CheckpointText, Signer, sign
from audit.models import AuditLog, Checkpoint, Leaf, Node, SigningKey
from audit.sealing.stored_tree import LEVEL_STEP
from audit.tests.support.tampering import (
    FOREIGN_SEED,
    OLD_SEED,
    SOMETHING,
    Named,
    end_of_tree,
    event_at,
    leaves,
    mutation,
    present_signer,
    put_key,
    rewrite_nodes,
    row_at,
    rows,
)

# The tail


@mutation("the last events deleted")
def cut_events():
    last = end_of_tree() - 1
    event = event_at(last)
    rows(AuditLog).filter(pk__in=[event, event_at(last - 1)]).delete()
    return Named(event=event)


@mutation("the last leaves deleted")
def cut_leaves():
    last = end_of_tree() - 1
    event = event_at(last)
    leaves(last, last - 1).delete()
    return Named(event=event)


@mutation("the last events and leaves deleted")
def cut_events_and_leaves():
    last = end_of_tree() - 1
    cut_events()
    leaves(last, last - 1).delete()
    return Named(place=last)


@mutation("everything since an earlier checkpoint deleted", needs_kept=True)
def cut_everything():
    last, size = end_of_tree() - 1, rows(Checkpoint).order_by("-size")[2].size
    cut = rows(Leaf).filter(position__gte=size)
    rows(AuditLog).filter(pk__in=cut.values("event_id")).delete()
    cut.delete()
    rows(Checkpoint).filter(size__gt=size).delete()
    rewrite_nodes()
    return Named(place=last)


# Checkpoints


def checkpoint_deleted(name, index, named=lambda: SOMETHING):
    @mutation(f"the {name} checkpoint deleted")
    def mutate():
        expected = named()
        rows(Checkpoint).filter(size=list(rows(Checkpoint))[index].size).delete()
        return expected


checkpoint_deleted("first", 0)
checkpoint_deleted("third", 2)
checkpoint_deleted("newest", -1, lambda: Named(event=event_at(end_of_tree() - 1)))


def note_replaced(name, make, index=-1):
    @mutation(f"a checkpoint {name}")
    def mutate():
        checkpoint = list(rows(Checkpoint))[index]
        note = make(checkpoint)
        assert note != checkpoint.note
        rows(Checkpoint).filter(size=checkpoint.size).update(note=note)
        return SOMETHING


def an_older_note(_):
    return list(rows(Checkpoint))[-2].note


def foreign_note(checkpoint):
    return sign(checkpoint.text, [Signer(rows(SigningKey)[0].name, FOREIGN_SEED)])


def note_of_old_key(checkpoint):
    return sign(checkpoint.text, [Signer(rows(SigningKey)[0].name, OLD_SEED)])


def same_signature_otherwise(checkpoint):
    """Base64 leaves the last bits of this length unused: another text for the same bytes."""
    head, last = checkpoint.note[:-3], checkpoint.note[-3]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{head}{alphabet[alphabet.index(last) ^ 1]}=\n"


def another_time(checkpoint):
    text = replace(checkpoint.statement, time=checkpoint.statement.time + timedelta(seconds=1))
    return sign(str(text), [present_signer()])


def another_root(checkpoint):
    return sign(str(replace(checkpoint.statement, root=b"r" * 32)), [present_signer()])


note_replaced("replaced with an older one", an_older_note)
note_replaced("signed with a foreign key", foreign_note)
note_replaced("signed with the key before", note_of_old_key)
note_replaced("with another text of the same signature", same_signature_otherwise)
note_replaced(
    "with a further signature", lambda checkpoint: checkpoint.note + foreign_note(checkpoint).split("\n\n")[1]
)
note_replaced("with its signature twice", lambda checkpoint: checkpoint.note + checkpoint.note.split("\n\n")[1])
note_replaced("with another line end", lambda checkpoint: checkpoint.note[:-1] + "\r\n")
note_replaced("of another time, properly signed", another_time)
note_replaced("of another root, properly signed", another_root)
note_replaced("in the middle, of another root, properly signed", another_root, index=4)
note_replaced("that is no note", lambda _: "nonsense")


@mutation("a checkpoint dated before the one before it, properly signed")
def backdate_checkpoint():
    before, newest = list(rows(Checkpoint))[-2:]
    text = replace(newest.statement, time=before.sealed_at - timedelta(seconds=1))
    rows(Checkpoint).filter(size=newest.size).update(sealed_at=text.time, note=sign(str(text), [present_signer()]))
    return SOMETHING


@mutation("an old checkpoint stored as a newer one")
def replay_old_checkpoint():
    old = list(rows(Checkpoint))[2]
    rows(Checkpoint).bulk_create([Checkpoint(size=end_of_tree() + 5, sealed_at=old.sealed_at, note=old.note)])
    return SOMETHING


@mutation("a checkpoint in between, signed with a foreign key")
def insert_checkpoint():
    place = list(rows(Checkpoint))[-1].size - 1
    text = CheckpointText(present_signer().name, place, b"r" * 32, rows(Checkpoint).last().sealed_at)
    note = sign(str(text), [Signer(present_signer().name, FOREIGN_SEED)])
    rows(Checkpoint).bulk_create([Checkpoint(size=place, sealed_at=text.time, note=note)])
    return SOMETHING


# Keys


@mutation("the first key replaced with a foreign one")
def replace_first_key():
    put_key(Signer(present_signer().name, FOREIGN_SEED), rows(SigningKey)[0])
    return SOMETHING


@mutation("the second key replaced with a foreign one, which signs the newest checkpoint")
def replace_second_key():
    put_key(Signer(present_signer().name, FOREIGN_SEED), rows(SigningKey).last())
    newest = rows(Checkpoint).last()
    rows(Checkpoint).filter(size=newest.size).update(note=foreign_note(newest))
    return SOMETHING


@mutation("a foreign key added, which signs the newest checkpoint")
def add_key():
    last = rows(SigningKey).last()
    rows(SigningKey).bulk_create(
        [SigningKey(pk=last.pk + 1, name=last.name, public_key=b"", statement="", created_at=last.created_at)]
    )
    put_key(Signer(last.name, FOREIGN_SEED), rows(SigningKey).last())
    newest = rows(Checkpoint).last()
    rows(Checkpoint).filter(size=newest.size).update(note=foreign_note(newest))
    return SOMETHING


@mutation("the second key by its own word alone")
def drop_endorsement():
    put_key(present_signer(), rows(SigningKey).last())
    return SOMETHING


@mutation("the last key deleted")
def delete_last_key():
    rows(SigningKey).filter(pk=rows(SigningKey).last().pk).delete()
    return SOMETHING


@mutation("all keys deleted")
def delete_keys():
    rows(SigningKey).all().delete()
    return SOMETHING


# The tree's nodes


@mutation("a node deleted")
def delete_node():
    rows(Node).filter(level=LEVEL_STEP, index=1).delete()
    return Named(place=256)


@mutation("a node added")
def add_node():
    rows(Node).bulk_create([Node(level=LEVEL_STEP, index=77, hash=b"x" * 32)])
    return SOMETHING


# Erased parts


@mutation("a part erased without an event")
def erase_silently():
    row = row_at(100)
    kept = commitment(row.actor_opening, actor_part(row.sealed_row()))
    rows(AuditLog).filter(pk=row.pk).update(actor_opening=kept, username="", user_agent="", ip_address=None)
    return Named(event=row.pk)


@mutation("a part that counts as erased, with another text")
def erase_and_lie():
    row = row_at(100)
    kept = commitment(row.actor_opening, actor_part(row.sealed_row()))
    rows(AuditLog).filter(pk=row.pk).update(actor_opening=kept, username="mallory")
    return Named(event=row.pk)
