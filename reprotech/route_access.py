"""All URL patterns of the project and the access that they declare."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

#: Patterns of third-party views, and what protects them.
GUARDED_ELSEWHERE = {
    "admin/": "ReprotechAdminSite lets Super Administrators in and nobody else",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A URL pattern; `access` maps a method or action to a permission or mark, None if none is declared."""

    path: str
    access: dict[str, str] | None


def all_routes() -> Iterator[Route]:
    yield from _routes_in(get_resolver().url_patterns, "")


def _routes_in(patterns: Iterable[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if path in GUARDED_ELSEWHERE:
            yield Route(path, {"*": GUARDED_ELSEWHERE[path]})
        elif isinstance(pattern, URLResolver):
            yield from _routes_in(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield Route(path, declared_access(pattern.callback))


def declared_access(view: object) -> dict[str, str] | None:
    """What a view declares by `@requires`, or by `required_permissions` for each of its actions."""
    if access := getattr(view, "access", None):
        return {"*": access}
    actions = getattr(view, "actions", None)
    if not actions:
        return None
    declared = getattr(getattr(view, "cls", None), "required_permissions", {})
    # One undeclared action makes the whole route undeclared, so that the check at the start names it.
    if any(action not in declared for action in actions.values()):
        return None
    return {method: declared[action] for method, action in actions.items()}
