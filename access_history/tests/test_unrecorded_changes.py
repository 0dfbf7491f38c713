"""What no service did is in the history too: changes by the ORM, and by SQL once they are settled."""

import pytest
from django.db import connection

from access_history.models import HistoryState
from access_history.projection.catch_up import catch_up
from access_history.tests.snapshots import differences, history_at, present
from accounts.models import Permission, Role, RoleGrant, User
from audit.sealing.sealer import Sealer
from reprotech.testing.cast import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def sql(statement, *values):
    def change():
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
        Sealer().seal()

    return change


def test_each_kind(cast):
    ann, viewer = make_user("ann", "viewer"), Role.objects.get(slug="viewer")
    manager, permission = Role.objects.get(slug="manager"), Permission.objects.get(name="user_delete")
    grant = RoleGrant.objects.get(user=ann)
    steps = [
        lambda: User.objects.filter(pk=ann.pk).update(is_active=False, last_name="Li"),
        lambda: RoleGrant.objects.filter(pk=grant.pk).update(role=manager),
        lambda: RoleGrant.objects.create(user=ann, role=viewer),
        lambda: manager.permissions.add(permission),
        lambda: User.objects.create(username="made", email="made@lab.example"),
        sql("UPDATE users SET is_active = %s WHERE id = %s", True, ann.pk),
        sql("INSERT INTO user_roles (user_id, role_id) VALUES (%s, %s)", cast.stranger.pk, viewer.pk),
        sql("UPDATE user_roles SET role_id = %s WHERE user_id = %s", manager.pk, cast.viewer.pk),
        sql("DELETE FROM user_roles WHERE user_id = %s AND role_id = %s", ann.pk, manager.pk),
        sql("DELETE FROM role_permissions WHERE role_id = %s AND permission_id = %s", manager.pk, permission.pk),
        sql("UPDATE users SET username = 'anna' WHERE id = %s", ann.pk),
        sql("UPDATE roles SET name = 'Boss' WHERE id = %s", manager.pk),
    ]
    snapshots = []
    for number, step in enumerate(steps):
        step()
        snapshots.append((number, *present()))
    assert catch_up(None).complete_to is None
    assert HistoryState.objects.get().contradictions == []
    for number, moment, users, roles in snapshots:
        found_users, found_roles = history_at(moment)
        found_users.pop(min(found_users), None)  # the first administrator, whom the cast takes away without a word
        assert (number, differences(found_users, users)) == (number, ({}, {}))
        assert (number, differences(found_roles, roles)) == (number, ({}, {}))
