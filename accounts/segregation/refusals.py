"""What people and programs read of conflicts: the sentences, and the members of the API's answer."""

from collections.abc import Iterable, Mapping, Sequence

from accounts.access.authorization import held_permissions
from accounts.core.exceptions import Segregation
from accounts.permissions import USER_READ
from accounts.segregation.conflicts import Conflict
from accounts.segregation.rules import Rule, Rules
from audit.presentation.changes import join_words
from reprotech.core.actors import Actor, System
from reprotech.core.change_warnings import MAX_NAMED, ChangeWarning

#: Rights that a sentence names of each side.
MAX_RIGHTS = 3


def refusal(actor: Actor, rules: Rules, conflicts: Sequence[Conflict], total: int | None = None) -> Segregation:
    """Of changes of people; `total` of one rule, where not all of its conflicts are given."""
    names_people = may_name_people(actor)
    by_rule: dict[int, list[Conflict]] = {}
    for conflict in conflicts:
        by_rule.setdefault(conflict.rule.pk, []).append(conflict)
    sentences = [
        refusal_sentence(rules, found, total or len(found), names_people=names_people) for found in by_rule.values()
    ]
    shown = [conflict_dict(rules, conflict, names_people=names_people) for conflict in conflicts[:MAX_NAMED]]
    return Segregation(" ".join(sentences), shown, total or len(conflicts))


def joined(refusals: Sequence[Segregation]) -> Segregation:
    """One refusal in place of several."""
    conflicts = [conflict for found in refusals for conflict in found.conflicts][:MAX_NAMED]
    return Segregation(" ".join(found.message for found in refusals), conflicts, sum(found.total for found in refusals))


def may_name_people(actor: Actor) -> bool:
    """Whether the actor may learn who holds something: to change roles doesn't include to read users."""
    return isinstance(actor, System) or USER_READ in held_permissions(actor)


def conflict_dict(rules: Rules, conflict: Conflict, *, names_people: bool) -> dict[str, object]:
    return {
        "exclusion": conflict.rule.name,
        "user": conflict.username if names_people else None,
        "held": rules.named(conflict.held),
        "added": rules.named(conflict.added),
    }


def refusal_sentence(rules: Rules, conflicts: Sequence[Conflict], total: int, *, names_people: bool) -> str:
    """About the conflicts of one rule."""
    conflict = conflicts[0]
    if total == 1:
        who = conflict.username if names_people else "One person"
        sentence = (
            f"{who} would hold {both_sides(rules, conflict)}, which the exclusion “{conflict.rule.name}” refuses."
        )
        if conflict.excepted_until:
            sentence += (
                f" Their exception ends at {conflict.excepted_until:%Y-%m-%d %H:%M} UTC: give it until then at most."
            )
        return sentence
    people = f": {_people([found.username for found in conflicts], total)}" if names_people else ""
    return f"{total:,} people would hold what the exclusion “{conflict.rule.name}” keeps apart{people}."


def both_sides(rules: Rules, conflict: Conflict) -> str:
    """Such as "lab_test_create together with lab_test_approve"."""
    sides = (rules.named(conflict.rights & side) for side in (conflict.rule.a, conflict.rule.b))
    return " together with ".join(_some(names) for names in sides)


def _some(names: list[str]) -> str:
    more = len(names) - MAX_RIGHTS
    return join_words([*names[:MAX_RIGHTS], f"{more} more"] if more > 0 else names)


def _people(usernames: Sequence[str], total: int) -> str:
    named = list(usernames[:MAX_NAMED])
    return join_words([*named, f"{total - len(named):,} more"] if total > len(named) else named)


def warning_of(
    actor: Actor, rules: Rules, rule: Rule, conflicts: Iterable[Conflict], total: int | None = None
) -> ChangeWarning:
    """To the person whose change a rule warns of."""
    found, names_people = list(conflicts), may_name_people(actor)

    def sentence(shown: Sequence[Mapping[str, object]], count: int) -> str:
        about = f"the exclusion “{rule.name}”"
        if count == 1:
            who = found[0].username if names_people else "One person"
            return f"{who} now holds {both_sides(rules, found[0])}, which {about} warns of."
        people = f": {_people([str(one['user']) for one in shown], count)}" if names_people else ""
        return f"{count:,} people now hold what {about} keeps apart{people}."

    shown: list[Mapping[str, object]] = [
        conflict_dict(rules, conflict, names_people=names_people) for conflict in found[:MAX_NAMED]
    ]
    return ChangeWarning(rule.name, sentence, shown, total or len(found))
