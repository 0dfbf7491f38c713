"""What a page shows of an item: who or what it is about, facts with their words, and changes as sentences."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse

from accounts.access.second_person import possible_selves
from accounts.models import User
from reviews.models import ItemKind, ReviewItem
from reviews.subjects.context import moment

LABELS = {
    "status": "status",
    "roles": "roles",
    "second_factor": "second factor",
    "role": "name of the role",
    "role_permissions": "permissions of the role",
    "permissions": "permissions",
    "requires_factor": "second factor required",
    "starts_at": "start",
    "ends_at": "end",
    "scopes": "permissions of the key",
    "addresses": "addresses",
    "expires_at": "end",
    "name": "name",
    "is_active": "active",
    "redirect_uris": "redirect addresses",
}
WORDS = {True: "yes", False: "no", None: "none"}
MAX_NAMES = 4


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    text: str = ""
    at: datetime | None = None


@dataclass(slots=True)
class Row:
    """An item and what is shown with it; `typed`, `reason` and `errors` are of a form that came back."""

    item: ReviewItem
    title: str
    url: str
    facts: list[Fact]
    since_last: list[str]
    meanwhile: list[str]
    is_gone: bool
    is_own: bool
    can_decide: bool
    can_carry_out: bool
    typed: str = ""
    reason: str = ""
    errors: list[str] = field(default_factory=list)


def rows_of(items: Iterable[ReviewItem], reader: User, *, is_reviewer: bool, is_closed: bool) -> list[Row]:
    """The items were given their context (`reviews.subjects.context`)."""
    selves = possible_selves(reader)
    return [_row(item, reader, selves, is_reviewer=is_reviewer, is_closed=is_closed) for item in items]


def _row(item: Any, reader: User, selves: Collection[int], *, is_reviewer: bool, is_closed: bool) -> Row:
    changed, is_own = item.changed_meanwhile, item.is_about(selves)
    return Row(
        item=item,
        title=_title(item),
        url=_url(item),
        facts=_facts(item),
        since_last=change_sentences(item.changes),
        meanwhile=change_sentences(changed or {}),
        is_gone=changed is None,
        is_own=is_own,
        can_decide=is_reviewer and not is_closed and not is_own and not item.is_done,
        can_carry_out=item.is_pending and reader.username in item.able,
        typed=item.decision,
        reason=item.reason,
    )


def _title(item: ReviewItem) -> str:
    facts = item.facts
    role = item.role.name if item.role else facts.get("role", "")
    return {
        ItemKind.ACCOUNT: "Account",
        ItemKind.GRANT: role,
        ItemKind.ROLE: role,
        ItemKind.KEY: f"API key {facts.get('key', '')}",
        ItemKind.APPLICATION: item.application.name if item.application else facts.get("name", ""),
    }[ItemKind(item.kind)]


def _url(item: ReviewItem) -> str:
    if item.kind == ItemKind.ROLE:
        return reverse("role", args=[item.role_id]) if item.role_id else ""
    if item.kind == ItemKind.APPLICATION:
        return reverse("application", args=[item.application_id]) if item.application_id else ""
    return f"{reverse('users')}/{item.user_id}" if item.user_id else ""


def _facts(item: Any) -> list[Fact]:
    facts = item.facts
    shown = {
        ItemKind.ACCOUNT: _account_facts,
        ItemKind.GRANT: _grant_facts,
        ItemKind.ROLE: _role_facts,
        ItemKind.KEY: _key_facts,
        ItemKind.APPLICATION: _application_facts,
    }[ItemKind(item.kind)](facts)
    return [*shown, *_given(item)]


def _account_facts(facts: Mapping[str, Any]) -> list[Fact]:
    return [
        Fact("Roles", names(facts.get("roles", [])) or "none"),
        Fact("Status", _status(facts)),
        _seen(facts),
        Fact("Second factor", WORDS[bool(facts.get("second_factor"))]),
        *_ends(facts),
    ]


def _grant_facts(facts: Mapping[str, Any]) -> list[Fact]:
    return [
        Fact("Gives", f"{len(facts.get('role_permissions', []))} permissions"),
        Fact("Status", _status(facts)),
        _seen(facts),
        *_ends(facts),
    ]


def _role_facts(facts: Mapping[str, Any]) -> list[Fact]:
    holders = facts.get("holders", 0)
    return [
        Fact("Holders", f"{holders:,}"),
        Fact("Permissions", names(facts.get("permissions", [])) or "none"),
        Fact("Last changed", at=moment(facts, "updated_at")),
    ]


def _key_facts(facts: Mapping[str, Any]) -> list[Fact]:
    used = moment(facts, "last_used_at")
    return [
        Fact("Permissions", names(facts.get("scopes", [])) or "none"),
        Fact("Last used", at=used) if used else Fact("Last used", "never"),
        Fact("Addresses", names(facts.get("addresses", [])) or "any"),
        Fact("Ends", at=moment(facts, "expires_at")),
    ]


def _application_facts(facts: Mapping[str, Any]) -> list[Fact]:
    seen = moment(facts, "last_sign_in")
    return [
        Fact("Opened by", names(facts.get("roles", [])) or "everybody"),
        Fact("Signed in", f"{facts.get('signed_in', 0):,}"),
        Fact("Last sign-in", at=seen) if seen else Fact("Last sign-in", "never"),
    ]


def _given(item: Any) -> list[Fact]:
    """Who gave it, when and why; "not recorded" where the log knows nothing."""
    at, why = moment(item.facts, "granted_at"), item.facts.get("granted_reason") or ""
    if item.kind == ItemKind.ROLE:
        return []
    label = {ItemKind.ACCOUNT: "Created by", ItemKind.GRANT: "Given by"}.get(ItemKind(item.kind), "Made by")
    who = item.granted_by_name or ("system" if at and item.kind in {ItemKind.ACCOUNT, ItemKind.GRANT} else "")
    shown = [Fact(label, who or "not recorded", at)]
    return [*shown, Fact("Reason", why)] if why else shown


def _status(facts: Mapping[str, Any]) -> str:
    kind = ", service account" if facts.get("is_service") else ""
    return f"{facts.get('status', '')}{kind}"


def _seen(facts: Mapping[str, Any]) -> Fact:
    seen = moment(facts, "last_sign_in")
    return Fact("Last sign-in", at=seen) if seen else Fact("Last sign-in", "never")


def _ends(facts: Mapping[str, Any]) -> list[Fact]:
    ends = moment(facts, "ends_at")
    return [Fact("Ends", at=ends)] if ends else []


def change_sentences(changes: Mapping[str, list[Any]]) -> list[str]:
    return [_sentence(name, old, new) for name, (old, new) in changes.items()]


def _sentence(name: str, old: Any, new: Any) -> str:
    label = LABELS.get(name, name)
    if isinstance(old, list) and isinstance(new, list):
        added, gone = sorted(set(new) - set(old)), sorted(set(old) - set(new))
        parts = [f"{names(found)} {word}" for found, word in ((added, "added"), (gone, "removed")) if found]
        return f"{label}: {', '.join(parts)}"
    return f"{label}: {_word(old)} → {_word(new)}"


def _word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return WORDS[value]
    return str(value)[:16].replace("T", " ") if _is_moment(value) else str(value)


def _is_moment(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def names(found: list[str]) -> str:
    """The first few, and how many more."""
    rest = len(found) - MAX_NAMES
    shown = ", ".join(found[:MAX_NAMES])
    return f"{shown} and {rest} more" if rest > 0 else shown
