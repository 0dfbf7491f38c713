"""Mutations of events and their leaves, alone and with the tree rewritten to fit."""

from django.db import models

from audit.crypto.merkle import leaf_hash
from audit.crypto.sealed_row import canonical_bytes
from audit.crypto.signed_note import Signer
from audit.models import AuditLog, Checkpoint, Leaf, Node, SigningKey
from audit.tests.support.tampering import (
    FOREIGN_SEED,
    MUTATIONS,
    SOMETHING,
    Mutation,
    Named,
    altered,
    end_of_tree,
    event_at,
    forged,
    inside_checkpoint,
    leaves,
    mutation,
    present_signer,
    put_key,
    rewrite_checkpoints,
    rewrite_event,
    rewrite_nodes,
    row_at,
    rows,
    shift,
    swapped,
)


def columns():
    """Every column of every table, as the models have them: one that is added some day is altered too."""
    for model in (AuditLog, Leaf, Node, SigningKey, Checkpoint):
        for field in model._meta.concrete_fields:
            if not isinstance(field, models.CompositePrimaryKey):
                yield from alter_column(model, field)


def alter_column(model, field):
    """One mutation; two of a column that may be empty: of a value, and of none."""
    name = f"{model._meta.db_table}.{field.column}"

    def mutate(is_null=False):
        if model is AuditLog:
            sealed = Leaf.objects.filter(position__range=(60, 200)).values("event_id")
            found = rows(model).filter(pk__in=sealed, **{f"{field.attname}__isnull": is_null})
            found = (
                found if is_null or not isinstance(field, models.CharField) else found.exclude(**{field.attname: ""})
            )
        else:
            found = rows(model)[0 if model is SigningKey else 1 :]
        target = found[0]
        named = naming(target)
        value = altered(getattr(target, field.attname), field)
        assert rows(model).filter(pk=target.pk).update(**{field.attname: value}) == 1
        return named

    yield Mutation(name, mutate, is_warning=field.attname == "authentication")
    if field.null:
        yield Mutation(f"{name}, null", lambda: mutate(is_null=True))


def naming(target):
    if isinstance(target, AuditLog):
        return Named(event=target.pk)
    if isinstance(target, Leaf):
        return Named(place=target.position)
    return SOMETHING


MUTATIONS.extend(columns())


# Events


@mutation("an event deleted")
def delete_event():
    event = event_at(100)
    rows(AuditLog).filter(pk=event).delete()
    return Named(event=event)


@mutation("a leaf deleted")
def delete_leaf():
    event = event_at(100)
    leaves(100).delete()
    return Named(event=event)


@mutation("an event and its leaf deleted")
def delete_event_and_leaf():
    delete_event()
    leaves(100).delete()
    return Named(place=100)


@mutation("an event and its leaf deleted, the later ones moved up, the tree rewritten")
def delete_and_close_up():
    delete_event_and_leaf()
    shift(101, -1)
    rewrite_nodes()
    return Named(place=100)


@mutation("details that are no object")
def spoil_details():
    event = event_at(100)
    rows(AuditLog).filter(pk=event).update(details=[1])
    return Named(event=event)


@mutation("an event inserted")
def insert_event():
    return Named(event=forged().pk)


@mutation("a copy of an event inserted")
def insert_copy():
    original = row_at(100)
    return Named(event=forged(bytes(original.authentication), username=original.username).pk)


@mutation("an event and a leaf inserted at the end")
def insert_at_end():
    row = forged()
    rows(Leaf).bulk_create(
        [Leaf(position=end_of_tree(), event_id=row.pk, hash=leaf_hash(canonical_bytes(row.sealed_row())))]
    )
    return Named(event=row.pk)


def hidden_before_the_tree(place):
    @mutation(f"an event and a leaf inserted at place {place}")
    def mutate():
        row = forged()
        leaf = leaf_hash(canonical_bytes(row.sealed_row()))
        rows(Leaf).bulk_create([Leaf(position=place, event_id=row.pk, hash=leaf)])
        return Named(event=row.pk)


hidden_before_the_tree(-1)
hidden_before_the_tree(-5)


@mutation("an event and a leaf inserted in the middle, the later ones moved down, the tree rewritten")
def insert_and_move_down():
    row = forged()
    shift(100, 1)
    rows(Leaf).bulk_create([Leaf(position=100, event_id=row.pk, hash=leaf_hash(canonical_bytes(row.sealed_row())))])
    rewrite_nodes()
    return Named(event=row.pk)


@mutation("contents of two events swapped")
def swap_contents():
    one, other = row_at(inside_checkpoint()[0]), row_at(inside_checkpoint()[1])
    one.pk, other.pk = other.pk, one.pk
    rows(AuditLog).filter(pk__in=[one.pk, other.pk]).delete()
    rows(AuditLog).bulk_create([one, other])
    return Named(event=one.pk)


def swap(name, *fields, far=False):
    @mutation(name)
    def mutate():
        near, next_to_it, distant = inside_checkpoint()
        event = event_at(near)
        swapped(near, distant if far else next_to_it, *fields)
        return Named(place=near) if far and "position" in fields else Named(event=event)


swap("places of two events swapped", "event_id")
swap("places of two events under different checkpoints swapped", "event_id", far=True)
swap("hashes of two leaves swapped", "hash")
swap("two leaves swapped", "position")
swap("two leaves under different checkpoints swapped", "position", far=True)


@mutation("two leaves swapped, and the tree rewritten")
def swap_and_rewrite():
    near, next_to_it, _ = inside_checkpoint()
    event = event_at(near)
    swapped(near, next_to_it, "position")
    rewrite_nodes()
    return Named(event=event)


# Consistent rewriting


@mutation("an event and its leaf rewritten")
def rewrite_event_and_leaf():
    return Named(event=rewrite_event())


@mutation("an event, its leaf and the tree rewritten")
def rewrite_event_and_tree():
    event = rewrite_event()
    rewrite_nodes()
    return Named(event=event)


@mutation("an event, its code, its leaf and the tree rewritten")
def rewrite_all_but_checkpoints():
    rewrite_event(code=True)
    rewrite_nodes()
    return Named(place=100)


@mutation("everything rewritten, signed with a foreign key under the name of the log")
def rewrite_all_with_foreign_key():
    rewrite_event(code=True)
    rewrite_nodes()
    signer = Signer(rows(SigningKey)[0].name, FOREIGN_SEED)
    put_key(signer, rows(SigningKey)[0])
    rows(SigningKey).filter(pk=rows(SigningKey).last().pk).delete()
    rewrite_checkpoints(signer)
    return SOMETHING


@mutation("everything rewritten, signed with the log's own key", needs_kept=True)
def rewrite_all_with_own_key():
    rewrite_event(code=True)
    rewrite_nodes()
    put_key(present_signer(), rows(SigningKey)[0])
    rows(SigningKey).filter(pk=rows(SigningKey).last().pk).delete()
    rewrite_checkpoints(present_signer())
    return SOMETHING
