"""REASON_REQUIRED_FOR: which changes are refused without a reason, as `resource:action` of the audit log."""

from reprotech.conf.env import Environment

#: The changes for which a reason can be required: those that someone makes, in a transaction that can be refused.
REASON_PAIRS = {
    "user": (
        *("create", "update", "delete", "erase", "lock", "unlock", "role_assign", "role_revoke"),
        *("password_change", "password_reset", "factor_reset", "key_create", "key_revoke"),
    ),
    "role": ("create", "update", "delete"),
    "session": ("session_revoke",),
    "application": ("create", "update", "delete"),
    "exclusion": ("create", "update", "delete"),
    "review": ("review_open", "review_decide", "review_close"),
}
ALL_PAIRS = frozenset(f"{resource}:{action}" for resource, actions in REASON_PAIRS.items() for action in actions)
#: What the word `regulated` stands for: what gives, takes or opens access (21 CFR 11, EU GMP Annex 11).
REGULATED = "regulated"
REGULATED_PAIRS = frozenset(
    {
        *("user:role_assign", "user:role_revoke", "user:lock", "user:unlock", "user:delete", "user:erase"),
        *("user:factor_reset", "user:password_reset", "user:key_create", "user:key_revoke"),
        *("role:update", "role:delete"),
    }
)


def read_required_reasons(env: Environment) -> frozenset[str]:
    """The pairs that are listed; an unknown one stops the start."""
    words = {word.lower() for word in env.words("REASON_REQUIRED_FOR")}
    unknown = sorted(words - ALL_PAIRS - {REGULATED})
    env.require(
        not unknown,
        f"REASON_REQUIRED_FOR doesn't know {', '.join(unknown)}. It takes {REGULATED} and: "
        f"{', '.join(f'{resource}:{action}' for resource, actions in REASON_PAIRS.items() for action in actions)}.",
    )
    return frozenset((words & ALL_PAIRS) | (REGULATED_PAIRS if REGULATED in words else frozenset()))
