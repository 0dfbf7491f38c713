"""People, roles and permissions by their names, those of then before those of now."""

from typing import Any

from django.db.models.functions import Lower

from access_history.models import AccountPeriod, RolePeriod, RolePermissionPeriod
from access_history.questions.selection import PermissionPeriod, overlapping
from access_history.questions.windows import Window
from accounts.models import Permission, Role, User
from reprotech.core.normalization import fold_text

#: What is said of a name that nothing had, by the parameter.
UNKNOWN = {
    "user": "There is no account of this name or number, and there was none.",
    "role": "There is no role of this name, and there was none.",
    "permission": "There is no permission of this name, and there was none.",
}
#: More digits than any number of an account has.
MAX_DIGITS = 18


def user_ids(typed: str, _window: Window) -> frozenset[int] | None:
    """The account that ever had this username, which no other gets, or has this number; None for nobody."""
    name = typed.strip().lower()
    periods = AccountPeriod.objects.alias(username_lower=Lower("username")).filter(username_lower=name)
    found = set(periods.order_by().values_list("user_id", flat=True).distinct())
    if not found:
        users = User.objects.alias(username_lower=Lower("username")).filter(username_lower=name)
        found = set(users.order_by().values_list("pk", flat=True))
    if not found and name.isascii() and name.isdecimal() and len(name) <= MAX_DIGITS:
        number = int(name)
        is_known = AccountPeriod.objects.filter(user_id=number).exists() or User.objects.filter(pk=number).exists()
        found = {number} if is_known else set()
    return frozenset(found) or None


def role_ids(typed: str, window: Window) -> frozenset[int] | None:
    """Roles that were called so then; else the one that is called so now, or has this slug; else any that ever was."""
    name = fold_text(typed.strip())
    # Roles are few, and their names in whatever script: compared here.
    then = _named(overlapping(RolePeriod.objects.all(), window), name)
    if then:
        return then
    now = Role.objects.named(typed.strip())
    return frozenset({now.pk}) if now else _named(RolePeriod.objects.all(), name) or None


def _named(periods: Any, name: str) -> frozenset[int]:
    return frozenset(period.role_id for period in periods if fold_text(period.name) == name)


def permission_periods(typed: str, window: Window) -> list[PermissionPeriod] | None:
    """The roles that gave it then, from when until when; None for a permission that never was."""
    periods = RolePermissionPeriod.objects.filter(permission=typed)
    within = overlapping(periods, window).order_by("role_id", "from_at")
    found = list(within.values_list("role_id", "from_at", "to_at"))
    is_known = found or Permission.objects.filter(name=typed).exists() or periods.exists()
    return found if is_known else None
