"""What changed between two starts: a pure comparison of what is stored with what is in force."""

from collections.abc import Iterator
from typing import Any

from reprotech.settings_history.snapshot import CodeKey, Snapshot

Pairs = dict[str, tuple[object, object]]


def changes_since(state: dict[str, Any], now: Snapshot, keys: list[CodeKey]) -> Pairs:
    """`{name: (before, now)}`; of secrets only that they are set, are not or were changed.

    Secrets whose codes were made with a key that the settings don't name any more can't be compared: that key was
    SECRET_KEY, whose own change is found.
    """
    before, pairs = state["values"], {}
    for name in [*now.values, *(name for name in before if name not in now.values)]:
        if before.get(name) != now.values.get(name):
            pairs[name] = (before.get(name), now.values.get(name))
    for name in _changed_secrets(state, now, keys):
        pairs.setdefault(name, ("set", "changed"))
    if packages := package_changes(state["packages"], now.packages):
        pairs["packages"] = packages
    return pairs


def _changed_secrets(state: dict[str, Any], now: Snapshot, keys: list[CodeKey]) -> Iterator[str]:
    if not keys or not state["key"]:
        return
    if state["key"] != keys[0].name:
        yield "SECRET_KEY"
    key = next((key for key in keys if key.name == state["key"]), None)
    codes = now.codes(key)
    yield from (name for name in codes if name in state["codes"] and state["codes"][name] != codes[name])


def package_changes(before: dict[str, str], now: dict[str, str]) -> tuple[list[str], list[str]] | None:
    """Those that differ, each with its version."""
    names = sorted((name for name in {*before, *now} if before.get(name) != now.get(name)), key=str.lower)
    if not names:
        return None
    old, new = ([f"{name} {side[name]}" for name in names if name in side] for side in (before, now))
    return old, new


def first_values(now: Snapshot) -> Pairs:
    """What a first start begins with: version, packages and the settings that someone chose."""
    pairs: Pairs = {
        name: (None, value) for name, value in now.values.items() if name in now.chosen and value is not None
    }
    return {**pairs, "packages": package_changes({}, now.packages) or ([], [])}
