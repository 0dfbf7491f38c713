"""Who may make an exclusion allow more: not those whom it binds."""

from collections.abc import Mapping

from accounts.access.second_person import possible_selves
from accounts.core.exceptions import ExclusionBindsActor
from accounts.models import Exclusion, RoleGrant, User
from accounts.segregation.rules import Rules
from reprotech.core.actors import Actor, System


def allows_more(changes: Mapping[str, tuple[object, object]]) -> bool:
    """Whether a change of an exclusion lets through what it refused: another mode, or less in its sets."""
    if "mode" in changes and changes["mode"][1] != Exclusion.Mode.REFUSE:
        return True
    return any(_lost(changes[side]) for side in ("set_a", "set_b") if side in changes)


def _lost(change: tuple[object, object]) -> bool:
    old, new = change
    return isinstance(old, list) and isinstance(new, list) and bool({*old} - {*new})


def refuse_those_bound(actor: Actor, exclusion: Exclusion) -> None:
    """Raise ExclusionBindsActor if the exclusion binds the actor."""
    if held := held_of(actor, Rules.load(Exclusion.objects.filter(pk=exclusion.pk))):
        raise ExclusionBindsActor(held)


def sentence_for_those_bound(reader: User, rules: Rules) -> str:
    """Why the reader can't weaken or delete an exclusion (these rules); empty for those whom it doesn't bind."""
    held = held_of(reader, rules)
    return ExclusionBindsActor(held).message if held else ""


def held_of(actor: Actor, rules: Rules) -> list[str]:
    """What the actor, or who may use their account, holds of what an exclusion (these rules) keeps apart, now or later.

    Who has one half could otherwise take the exclusion away, take the other half and bring it back.
    """
    if isinstance(actor, System):
        return []
    selves = possible_selves(actor) if isinstance(actor, User) else {actor.pk}
    grants = RoleGrant.objects.unended().filter(user__in=selves).order_by()
    given = rules.given_by(set(grants.values_list("role", flat=True)))
    return rules.named(set().union(*given.values()))
