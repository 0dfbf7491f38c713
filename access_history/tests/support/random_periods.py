"""A small world of periods that meet, miss and touch each other, stored past the log."""

from datetime import UTC, datetime, timedelta

from access_history.models import AccountDay, AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod

BEGINS = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 4
ROLES, PERMISSIONS = (1, 2, 3), ("sample_read", "sample_update")
USERS = range(100, 112)


def store_random_periods(chance):
    """Accounts that change, go and come again, grants and permissions of roles; several changes fall on a moment."""

    def moments(count):
        hours = sorted(chance.randrange(DAYS * 24 // 3) for _ in range(count))
        return [BEGINS + timedelta(hours=3 * hour) for hour in hours]

    def stretches(count):
        edges = moments(count)
        ends = [*edges[1:], None]
        return [(begin, end) for begin, end in zip(edges, ends, strict=True) if chance.random() < 0.8]

    event = iter(range(1, 10_000))
    for role in ROLES:
        edges = [BEGINS, *moments(1), None]
        RolePeriod.objects.bulk_create(
            RolePeriod(role_id=role, name=f"Role {role}{mark}", from_at=a, to_at=b, from_event=next(event), to_event=1)
            for mark, a, b in zip("ab", edges, edges[1:], strict=False)
        )
        for permission in PERMISSIONS:
            RolePermissionPeriod.objects.bulk_create(
                RolePermissionPeriod(
                    role_id=role, permission=permission, from_at=a, to_at=b, from_event=next(event), to_event=1
                )
                for a, b in stretches(2)
            )
    for user in USERS:
        for begin, end in stretches(4):
            starts, ends = sorted(moments(2)) if chance.random() < 0.5 else (None, None)
            AccountPeriod.objects.create(
                user_id=user,
                username=f"user-{user}",
                is_service=False,
                is_active=chance.random() < 0.8,
                is_locked=chance.random() < 0.2,
                starts_at=starts if chance.random() < 0.7 else None,
                ends_at=ends if chance.random() < 0.7 else None,
                from_at=begin,
                to_at=end,
                from_event=next(event),
                to_event=1,
            )
        for role in ROLES:
            GrantPeriod.objects.bulk_create(
                GrantPeriod(
                    user_id=user, role_id=role, from_at=a, to_at=b, from_event=next(event), period_event=1, to_event=1
                )
                for a, b in stretches(2)
            )
    _count_days()


def _count_days():
    days = {}
    for period in AccountPeriod.objects.all():
        days.setdefault(period.from_at.date(), [0, 0])[0] += 1
        if period.to_at:
            days.setdefault(period.to_at.date(), [0, 0])[1] += 1
    AccountDay.objects.bulk_create(AccountDay(day=day, begun=a, ended=b) for day, (a, b) in days.items())
