"""No sequence of acts of one person raises anybody beyond what they hold or a `may_grant` allows: all of them, tried.

With any one of the rules taken away, the same search finds how. It goes deeper, in each world, with SMALL_WORLDS_DEPTH
in the environment: `SMALL_WORLDS_DEPTH=3 scripts/test -n0 accounts/tests/access/test_small_worlds.py`.
"""

import inspect
import os
import sys

import pytest

from accounts.access import authorization, row_locks, second_person
from accounts.exclusions import exception_services, loosening
from accounts.roles import granting
from accounts.segregation import checks
from accounts.tests.support.small_worlds import FURTHER, LAB, ROLE_RIGHTS, SOON, USER_RIGHTS, Search, World
from accounts.users import services as user_services

# It tries for long how rules of Python work together. The tests next to it try each of them on both databases.
pytestmark = pytest.mark.only_on("postgresql")

#: Two roles may give the role of the laboratory, and the actor has one of them.
GIVERS = World(
    desk=(*USER_RIGHTS, *ROLE_RIGHTS),
    desk_may_grant=("lab",),
    extra=USER_RIGHTS,
    extra_may_grant=("lab",),
    colleague=("extra",),
)
#: Nobody gives what they don't hold; the colleague holds more than the actor.
HOLDERS = World(desk=(*USER_RIGHTS, LAB), colleague=("lab", "extra"))
ONLY_HELPER = World(desk=USER_RIGHTS, desk_may_grant=("lab",))
#: A colleague who holds no more could be an instrument of the actor.
WITH_INSTRUMENT = World(
    desk=USER_RIGHTS, desk_may_grant=("lab",), extra=("user_update", "user_read"), colleague=("extra",)
)
#: The same with less to do, so that sequences of three are seconds.
FEW_RIGHTS = World(desk=("user_update",), desk_may_grant=("lab",), extra=("user_update",), colleague=("extra",))
TWO_ON_TOP = World(desk=USER_RIGHTS, colleague=("super_admin",))
ALONE_ON_TOP = World(desk=USER_RIGHTS, actor=("super_admin",), top=())
#: What the actor holds ends tomorrow, and so does what they may give.
ENDING = World(desk=(*USER_RIGHTS, LAB), actor_until=SOON, colleague=("lab",), colleague_until=SOON, more=("periods",))
ENDING_GIVER = World(desk=USER_RIGHTS, desk_may_grant=("lab",), actor_until=SOON, more=("periods",))
#: The actor holds one half of what is kept apart, and manages roles; or both halves, and a colleague may help.
BOUND = World(
    desk=(*USER_RIGHTS, "role_update", LAB),
    extra=("role_update", "user_read"),
    colleague=("extra",),
    apart=((LAB,), (FURTHER,)),
    more=("exclusions",),
)
BROKEN = World(desk=(*USER_RIGHTS, "role_update", LAB, FURTHER), apart=((LAB,), (FURTHER,)), more=("exclusions",))
#: How deep each is searched, unless more is asked for.
DEPTHS = {
    "givers": (GIVERS, 2),
    "holders": (HOLDERS, 1),
    "only helper": (ONLY_HELPER, 1),
    "with instrument": (WITH_INSTRUMENT, 1),
    "few rights": (FEW_RIGHTS, 1),
    "alone on top": (ALONE_ON_TOP, 1),
    "ending": (ENDING, 1),
    "ending giver": (ENDING_GIVER, 1),
    "bound": (BOUND, 1),
    "broken": (BROKEN, 1),
}
DEPTH = int(os.environ.get("SMALL_WORLDS_DEPTH", "0"))


@pytest.fixture(autouse=True)
def quick(cast, settings, monkeypatch):
    settings.ADMIN_SETS_PASSWORDS = True
    # What a refusal leaves in the log is not what this is about, and most attempts are refused.
    monkeypatch.setattr("audit.authorization.record_denial", lambda actor, denial: None)


@pytest.mark.parametrize(("world", "depth"), DEPTHS.values(), ids=DEPTHS)
def test_no_sequence_of_acts_raises_anybody(world, depth):
    world.build()
    search = Search(world.more).run(depth=max(depth, DEPTH))
    assert search.found == []
    # That it was a search: attempts, of which some changed the world.
    assert search.calls > 25
    assert len(search.visited) > (5 if depth > 1 else 0)


RISEN = "The actor can do ['animal_read']"
#: By name: module, function, a part of its source, what it is replaced by, in which world, and what is found.
MUTATIONS = {
    "not to themselves": (
        *(authorization, "authorize_role_change", "actor.pk != user.pk and not user.is_service", "not user.is_service"),
        *(GIVERS, RISEN),
    ),
    "not to whose password they know": (
        *(authorization, "authorize_role_change", "if beyond and actor.pk != user.pk", "if False"),
        *(ONLY_HELPER, RISEN),
    ),
    "no longer than they have it": (
        *(authorization, "_authorize_giving", "authorize_until(actor, names", "(lambda *_: None)(actor, names"),
        *(ENDING, "for longer than the actor"),
    ),
    "no longer than they may give it": (
        *(authorization, "_authorize_giving", "own_end is not None and own_end >= end", "own_end is not None"),
        *(ENDING_GIVER, "for longer than the actor"),
    ),
    "what is kept apart": (
        *(checks, "refuse_excluded", "if refused:", "if False:"),
        *(BROKEN, "holds what an exclusion keeps apart"),
    ),
    "nobody weakens what binds them": (
        *(loosening, "refuse_those_bound", "raise ExclusionBindsActor(held)", "pass"),
        *(BOUND, "weakened an exclusion"),
    ),
    "an invitation instead of a password": (
        *(user_services, "_check_creation", "if beyond and has_password", "if False"),
        *(ONLY_HELPER, RISEN),
    ),
    "an account leads to what it may give": (
        *(authorization, "authorize_over", "if actor.pk != user.pk", "if False"),
        *(GIVERS, RISEN),
    ),
    "a role leads to what it may give": (
        *(authorization, "reach_of", " | granting.permissions_given_by([role.slug])", ""),
        *(GIVERS, "may give ['animal_read']"),
    ),
    "only roles that may be granted": (
        *(authorization, "_authorize_giving", "if missing and own_end is None", "if False"),
        *(ONLY_HELPER, RISEN),
    ),
    "no change of an account that holds more": (
        *(row_locks, "lock_for_change", "authorize_over(actor, user)", "pass"),
        *(HOLDERS, "colleague, who holds more"),
    ),
    "Super Administrators are out of reach": (
        *(authorization, "authorize_closing", "if user.is_super_administrator", "if False"),
        *(TWO_ON_TOP, "a Super Administrator, was shut out"),
    ),
    "one Super Administrator stays": (
        *(authorization, "require_remaining_super_administrator", "Role.objects.select_for_update(no_key=True)"),
        *("return Role.objects.all()", ALONE_ON_TOP, "No Super Administrator is left"),
    ),
    "only they say what a role may grant": (
        *(granting, "find_grantable_roles", "require_super_administrator(actor, role)", "pass"),
        *(World(desk=(*USER_RIGHTS, *ROLE_RIGHTS)), "may give ["),
    ),
}
#: These take three acts.
DEEP_MUTATIONS = {
    "a second person approves": (
        *(exception_services, "is_second_person", "may_be_one_person(actor, person)", "actor.pk == person.pk"),
        *(
            World(
                desk=("user_update", "user_read", "role_update"),
                extra=("user_read", "role_update"),
                colleague=("extra",),
                apart=((LAB,), (FURTHER,)),
                more=("exclusions",),
            ),
            "no second person",
        ),
    ),
    "not to whose mailbox they chose": (
        *(second_person, "possible_selves", "user.email_set_by_id", "None"),
        *(World(desk=("user_update",), desk_may_grant=("lab",)), RISEN),
    ),
    "not to whom their instrument let in": (
        *(second_person, "possible_selves", "next_ids := next_ids - found", "not found > {user.pk} and next_ids"),
        *(FEW_RIGHTS, RISEN),
    ),
}
if DEPTH > 2:
    MUTATIONS |= DEEP_MUTATIONS


@pytest.mark.parametrize(("module", "name", "part", "replacement", "world", "found"), MUTATIONS.values(), ids=MUTATIONS)
def test_without_one_of_the_rules_the_search_finds_how(monkeypatch, module, name, part, replacement, world, found):
    world.build()
    _replace(monkeypatch, module, name, part, replacement)
    searches = (Search(world.more).run(depth=depth) for depth in range(1, max(2, DEPTH) + 1))
    sentences = next((search.found for search in searches if search.found), [])
    assert any(found in sentence for sentence in sentences), sentences


def _replace(monkeypatch, module, name, part, replacement):
    """Replace a part of a function's source, wherever it was imported."""
    original = getattr(module, name)
    source = inspect.getsource(original)
    assert source.count(part) == 1
    namespace = dict(vars(module))
    exec(source.replace(part, replacement), namespace)  # noqa: S102 (our own source)
    for holder in list(sys.modules.values()):
        if getattr(holder, name, None) is original:
            monkeypatch.setattr(holder, name, namespace[name])
