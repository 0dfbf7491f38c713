"""What the tables of users and roles say at a moment, to compare with the history, and what the history says."""

from django.utils import timezone

from access_history.models import AccountDay, AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod
from accounts.models import Role, RoleGrant, User


def present():
    """Accounts with facts and roles, and roles with permissions, as the tables have them now."""
    roles = {role.pk: (role.name, tuple(sorted(role.permission_names))) for role in Role.objects.with_permissions()}
    users = {}
    for user in User.objects.existing():
        held = RoleGrant.objects.current().filter(user=user).values_list("role_id", flat=True)
        facts = (user.username, user.first_name, user.last_name, user.is_service, user.is_active, user.is_locked)
        users[user.pk] = (*facts, user.starts_at, user.ends_at, tuple(sorted(held)))
    return timezone.now(), users, roles


def history_at(moment, *, names=True):
    """The same as the history has it for a moment."""
    permissions = {}
    for row in RolePermissionPeriod.objects.at(moment):
        permissions.setdefault(row.role_id, []).append(row.permission)
    roles = {
        row.role_id: (row.name, tuple(sorted(permissions.get(row.role_id, ()))))
        for row in RolePeriod.objects.at(moment)
    }
    held = {}
    for row in GrantPeriod.objects.at(moment):
        held.setdefault(row.user_id, []).append(row.role_id)
    users = {}
    for row in AccountPeriod.objects.at(moment):
        called = (row.username, row.first_name, row.last_name) if names else ("", "", "")
        facts = (*called, row.is_service, row.is_active, row.is_locked, row.starts_at, row.ends_at)
        users[row.user_id] = (*facts, tuple(sorted(held.get(row.user_id, ()))))
    return users, roles


def total_at(moment):
    """The number of accounts, from whole days and the rest of the last."""
    day = moment.date()
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    whole = sum(row.begun - row.ended for row in AccountDay.objects.filter(day__lt=day))
    begun = AccountPeriod.objects.filter(from_at__gte=midnight, from_at__lte=moment).count()
    return whole + begun - AccountPeriod.objects.filter(to_at__gte=midnight, to_at__lte=moment).count()


def differences(found, wanted):
    """What one of them has and the other hasn't."""
    return tuple(
        {key: one[key] for key in one if one[key] != other.get(key)}
        for one, other in ((found, wanted), (wanted, found))
    )
