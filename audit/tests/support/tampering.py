"""A log with events of many kinds, checkpoints and keys, and what alters it behind the server's back."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count, islice
from typing import NamedTuple

from django.conf import settings
from django.db.models import F

from audit.crypto.merkle import Frontier, leaf_hash
from audit.crypto.sealed_row import authentication_code, canonical_bytes, format_timestamp
from audit.crypto.signed_note import Signer, fingerprint, sign
from audit.models import Action, AuditLog, Checkpoint, Leaf, Node, SigningKey
from audit.sealing.signing_keys import statement_text
from audit.sealing.stored_tree import LEVEL_STEP
from audit.services import record
from reprotech.core.request_context import RequestOrigin, request_origin

OLD_SEED, NEW_SEED, FOREIGN_SEED = b"o" * 32, b"n" * 32, b"f" * 32
#: Events of each checkpoint.
SIZES = (3, 40, 1, 260, 7, 220, 5)
#: The checkpoint before which a second key takes over.
SECOND_KEY = 4
PEOPLE = (None, (7, "mia.öztürk"), (8, "李四 \U0001f52c"), (None, 'quote " and \\ and \u2028'))


@dataclass(frozen=True)
class Person:
    pk: int | None
    username: str


def write_history(seal, hand_over):
    """A log of many kinds of events, over several checkpoints and two keys; the caller says how to seal."""
    numbers = count(1)
    for index, size in enumerate(SIZES):
        if index == SECOND_KEY:
            hand_over()
        for number in islice(numbers, size):
            write(number)
        seal()


def write(number):
    """An event like no other."""
    who = PEOPLE[number % 4]
    address = (None, "192.0.2.7", "2001:db8::7")[number % 3]
    agent = "Curl/8 — é" * (number % 2)
    with request_origin(RequestOrigin(ip_address=address or "", user_agent=agent, request_id=f"r{number}")):
        return record(
            actor=who and Person(*who),
            action=list(Action)[number % 12],
            resource=("auth", "user", "role")[number % 3],
            resource_id=number,
            resource_name=f"Name {number} \N{GREEK SMALL LETTER MU}",
            success=number % 5 != 0,
            changes={"email": (f"{number}@lab.example", None), "roles": ([], ["viewer"])} if number % 3 else None,
            session_id=uuid.UUID(int=number) if number % 2 else None,
            sent_to=f"{number}@lab.example" if number % 7 == 0 else None,
            reason={"ünder": [1, None, True, "a\tb"]} if number % 2 else None,
        )


class Named(NamedTuple):
    """What a finding must point at."""

    event: int | None = None
    place: int | None = None


SOMETHING = Named()


@dataclass(frozen=True)
class Mutation:
    """`needs_kept`: found only with the newest checkpoint, kept elsewhere. `is_warning`: the log itself is intact."""

    name: str
    mutate: Callable[[], Named]
    needs_kept: bool = False
    is_warning: bool = False


#: All of them, once `audit.tests.support.mutations` is imported.
MUTATIONS: list[Mutation] = []


def mutation(name, **options):
    def add(mutate):
        MUTATIONS.append(Mutation(name, mutate, **options))
        return mutate

    return add


# What the mutations are made of: `rows` passes by what refuses changes in code.


def rows(model):
    return model._base_manager.order_by("pk")


def leaves(*places):
    return rows(Leaf).filter(position__in=places)


def event_at(place):
    return leaves(place).get().event_id


def row_at(place):
    return AuditLog.objects.get(pk=event_at(place))


def end_of_tree():
    return rows(Leaf).count()


def inside_checkpoint():
    """Two places under one checkpoint, and one under another."""
    return 120, 250, 450


#: Another value of the same kind, by the field's. None becomes EXAMPLES.
OTHERS = {
    "BooleanField": lambda value: not value,
    "PositiveSmallIntegerField": lambda value: value + LEVEL_STEP,
    "BigIntegerField": lambda value: value + 1_000_000,
    "BigAutoField": lambda value: value + 1_000_000,
    "CharField": lambda value: value[:-1] + ("x" if value[-1:] != "x" else "y"),
    "TextField": lambda value: value[:-1] + ("x" if value[-1:] != "x" else "y"),
    "GenericIPAddressField": lambda _: "10.0.0.9",
    "UUIDField": lambda value: uuid.UUID(int=value.int + 1),
    "BinaryField": lambda value: bytes([bytes(value)[0] ^ 1]) + bytes(value)[1:],
    "JSONField": lambda value: {**value, "reason": "another"},
    "DateTimeField": lambda value: value + timedelta(microseconds=1),
}
EXAMPLES = {"BigIntegerField": 1, "GenericIPAddressField": "10.0.0.1", "UUIDField": uuid.UUID(int=1)}


def altered(value, field):
    """Another value of the same kind; a field of a new kind fails here, and wants an entry above."""
    kind = field.get_internal_type()
    return EXAMPLES[kind] if value is None else OTHERS[kind](value)


def forged(code=b"c" * 32, row=None, **values):
    row = row or row_at(100)
    for name, value in {"pk": rows(AuditLog).last().pk + 500, "username": "mallory", **values}.items():
        setattr(row, name, value)
    row.authentication = code or authentication_code(row.sealed_row())
    row._state.adding = True
    rows(AuditLog).bulk_create([row])
    return row


def swapped(first, second, *fields):
    """Two leaves with these columns swapped, by way of values that are free."""
    one, other = leaves(first).values(*fields)[0], leaves(second).values(*fields)[0]
    for name in fields:
        if name != "hash":
            rows(Leaf).filter(**{name: one[name]}).update(**{name: -9})
            rows(Leaf).filter(**{name: other[name]}).update(**{name: one[name]})
            rows(Leaf).filter(**{name: -9}).update(**{name: other[name]})
        else:
            leaves(first).update(hash=other[name])
            leaves(second).update(hash=one[name])


def shift(start, by):
    """Move leaves, by way of places that are free."""
    rows(Leaf).filter(position__gte=start).update(position=-F("position") - 1)
    rows(Leaf).filter(position__lt=0).update(position=-F("position") - 1 + by)


def rewrite_event(place=100, *, code=None):
    row = row_at(place)
    row.username = "mallory"
    changed = {"username": row.username}
    if code:
        changed["authentication"] = authentication_code(row.sealed_row())
    rows(AuditLog).filter(pk=row.pk).update(**changed)
    leaves(place).update(hash=leaf_hash(canonical_bytes(row.sealed_row())))
    return row.pk


def rewrite_nodes():
    tree = Frontier()
    hashes = rows(Leaf).filter(position__gte=0).order_by("position").values_list("hash", flat=True)
    nodes = [node for found in hashes for node in tree.append(bytes(found))]
    rows(Node).all().delete()
    rows(Node).bulk_create(
        [Node(level=at, index=index, hash=found) for at, index, found in nodes if at % LEVEL_STEP == 0]
    )


def rewrite_checkpoints(signer):
    """Sign every checkpoint again over the present leaves."""
    tree, previous = Frontier(), ""
    hashes = iter([bytes(leaf.hash) for leaf in rows(Leaf).order_by("position")])
    for checkpoint in list(rows(Checkpoint)):
        while tree.size < checkpoint.size:
            tree.append(next(hashes))
        text = replace(checkpoint.statement, root=tree.root, previous=previous)
        rows(Checkpoint).filter(size=checkpoint.size).update(note=sign(str(text), [signer]))
        previous = fingerprint(str(text))


def present_signer():
    return Signer(rows(SigningKey)[0].name, settings.AUDIT_SIGNING_KEY)


def put_key(signer, row):
    """Make a key the one of this row, by its own word."""
    text = statement_text(signer.verifier, format_timestamp(row.created_at))
    rows(SigningKey).filter(pk=row.pk).update(public_key=signer.verifier.public, statement=sign(text, [signer]))
