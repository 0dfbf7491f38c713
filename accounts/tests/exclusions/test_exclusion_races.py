"""Two changes at once, each of which keeps to an exclusion while both together break it: one of them is refused."""

import pytest

from accounts.access.authorization import SYSTEM
from accounts.core.exceptions import Segregation
from accounts.exclusions.violations import count_violators, rules_of
from accounts.models import Permission, Role, User
from accounts.roles.services import update_role
from accounts.users import bulk
from accounts.users.services import update_user
from reprotech.testing.cast import at_once, make_user

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db(transaction=True)]


def outcomes(*calls):
    """What two calls at once came to: whether each was refused."""
    found = at_once(*calls)
    assert all(isinstance(one, Segregation | User | Role) for one in found), found
    return sorted(isinstance(one, Segregation) for one in found)


def test_two_racing_changes_never_both_pass(cast, exclude, make_role):
    """Two roles given to one person; a role given, and that role changed; two roles of one person changed."""
    exclude()
    for number in range(3):
        person = make_user(f"person-{number}")
        assert outcomes(
            lambda user=person: bulk.change_role(actor=SYSTEM, user_id=user.pk, assigned="researcher"),
            lambda user=person: bulk.change_role(actor=SYSTEM, user_id=user.pk, assigned="manager"),
        ) == [False, True]
        plain, other = make_role(f"Plain {number}", "animal_read"), make_role(f"Other {number}", "animal_read")
        update_user(actor=SYSTEM, user_id=person.pk, roles=["researcher"])
        assert outcomes(
            lambda user=person, role=plain: bulk.change_role(actor=SYSTEM, user_id=user.pk, assigned=role.slug),
            lambda role=plain: update_role(actor=SYSTEM, role_id=role.pk, permissions=["lab_test_approve"]),
        ) == [False, True]
        Role.objects.get(pk=plain.pk).permissions.set(Permission.objects.filter(name="animal_read"))
        update_user(actor=SYSTEM, user_id=person.pk, roles=[plain.slug, other.slug])
        assert outcomes(
            lambda role=plain: update_role(actor=SYSTEM, role_id=role.pk, permissions=["lab_test_create"]),
            lambda role=other: update_role(actor=SYSTEM, role_id=role.pk, permissions=["lab_test_approve"]),
        ) == [False, True]
    assert list(count_violators(rules_of()).values()) == [1]  # the Administrator, as before
