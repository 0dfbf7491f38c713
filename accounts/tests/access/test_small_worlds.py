"""No sequence of acts of one person raises anybody beyond what they hold or a `may_grant` allows: all of them, tried.

With any one of the rules taken away, the same search finds how.
"""

import inspect
import sys

import pytest

from accounts.access import authorization, row_locks
from accounts.roles import granting
from accounts.tests.support.small_worlds import LAB, ROLE_RIGHTS, USER_RIGHTS, Search, World
from accounts.users import services as user_services

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
TWO_ON_TOP = World(desk=USER_RIGHTS, colleague=("super_admin",))
ALONE_ON_TOP = World(desk=USER_RIGHTS, actor=("super_admin",), top=())


@pytest.fixture(autouse=True)
def quick(cast, settings, monkeypatch):
    settings.ADMIN_SETS_PASSWORDS = True
    # What a refusal leaves in the log is not what this is about, and most attempts are refused.
    monkeypatch.setattr("audit.authorization.record_denial", lambda actor, denial: None)


def test_no_sequence_of_acts_raises_anybody():
    GIVERS.build()
    search = Search().run(depth=2)
    assert search.found == []
    # That it was a search: many attempts, some of which changed the world.
    assert search.calls > 200
    assert len(search.visited) > 10


@pytest.mark.parametrize("world", [HOLDERS, ALONE_ON_TOP], ids=["holders", "alone on top"])
def test_no_single_act_raises_anybody(world):
    world.build()
    assert Search().run(depth=1).found == []


RISEN = "The actor can do ['animal_read']"
#: By name: module, function, a part of its source, what it is replaced by, in which world, and what is found.
MUTATIONS = {
    "not to themselves": (
        *(authorization, "authorize_role_change", "actor.pk != user.pk and not user.is_service", "not user.is_service"),
        *(GIVERS, RISEN),
    ),
    "not to whose password they know": (
        *(authorization, "authorize_role_change", "if beyond and user.password_set_by_id == actor.pk", "if False"),
        *(ONLY_HELPER, RISEN),
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


@pytest.mark.parametrize(("module", "name", "part", "replacement", "world", "found"), MUTATIONS.values(), ids=MUTATIONS)
def test_without_one_of_the_rules_the_search_finds_how(monkeypatch, module, name, part, replacement, world, found):
    world.build()
    _replace(monkeypatch, module, name, part, replacement)
    by_one_act = Search().run(depth=1).found
    sentences = by_one_act or Search().run(depth=2).found
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
