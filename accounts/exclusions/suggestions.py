"""Exclusions that most laboratories need, offered while there is none."""

from dataclasses import dataclass

from accounts.core.catalogue import OWN_RESOURCES, PERMISSIONS
from accounts.models import Exclusion

CHANGES = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Suggestion:
    slug: str
    name: str
    #: What it keeps apart, in a sentence.
    summary: str
    reason: str
    set_a: tuple[str, ...]
    set_b: tuple[str, ...]

    @property
    def values(self) -> dict[str, object]:
        """For the form; it only warns, until someone has looked at who would be concerned."""
        values = {name: getattr(self, name) for name in ("name", "set_a", "set_b")}
        return {**values, "purpose": self.reason, "mode": Exclusion.Mode.WARN}


SUGGESTIONS = (
    Suggestion(
        "tests",
        "Entering and approving tests",
        "Nobody who enters or changes laboratory tests approves them.",
        "A result is released by someone else than who entered it.",
        ("lab_test_create", "lab_test_update"),
        ("lab_test_approve",),
    ),
    Suggestion(
        "administration",
        "Administration and laboratory work",
        "Nobody who manages users and roles has permissions of the laboratory.",
        "Administrators have no interest in the data whose access they manage.",
        tuple(f"{resource}_{change}" for resource in ("user", "role") for change in CHANGES),
        tuple(entry.name for entry in PERMISSIONS if entry.resource not in OWN_RESOURCES),
    ),
)


def find_suggestion(slug: str) -> Suggestion | None:
    return next((suggestion for suggestion in SUGGESTIONS if suggestion.slug == slug), None)
