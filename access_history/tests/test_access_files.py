"""Names of roles in files and pages, whatever stands in them, and reasons that are erased."""

import csv
import io

import pytest
from django.utils import timezone

from access_history.projection.catch_up import catch_up
from access_history.questions.files import joined
from access_history.tests.test_random_operations import Offline, table_at
from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import grant_role
from accounts.roles.services import create_role
from accounts.users.erasure import erase_personal_data
from audit.sealing.sealer import Sealer
from audit.tests.support.sealed_log import complete
from reprotech.core.request_context import change_reason
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client

NAMES = [
    "Viewer;Super Administrator",
    'Head of "wet" lab',
    "'quoted'",
    'a ";" b',
    "=SUM(A1)",
    "c, d",
    "دور الفاحص",
    "L" * 80,
]


def split(cell):
    return next(csv.reader([cell], delimiter=";"), [])


def test_a_cell_of_names_is_split_without_doubt():
    assert split(joined(NAMES)) == NAMES
    assert joined(["Viewer", "Quality manager, acting"]) == "Viewer;Quality manager, acting"


@pytest.mark.django_db
@pytest.mark.only_on("sqlite")  # the auditors' program has no database
def test_no_name_of_a_role_passes_for_two_in_a_file_nor_for_an_auditor(cast):
    roles = [create_role(actor=SYSTEM, name=name, permissions=["sample_read"]) for name in NAMES]
    ann = make_user("ann", *(role.slug for role in roles))
    Sealer().seal()
    catch_up()
    moment = timezone.now()
    table = table_at(moment)
    [row] = [row for row in csv.DictReader(io.StringIO(table.decode(), newline="")) if row["id"] == str(ann.pk)]
    assert split(row["roles"]) == sorted(NAMES)
    assert Offline([complete()]).table_at(moment) == table


@pytest.mark.django_db
def test_an_erased_reason_is_none_to_read(cast):
    with change_reason("She has the flu"):
        ann = make_user("ann", "viewer")
        grant_role(actor=SYSTEM, user_id=ann.pk, role="manager")
    reader = page_client(cast.super_admin)
    assert "She has the flu" in reader.get(f"/users/{ann.pk}/history").text
    erase_personal_data(actor=SYSTEM, user_id=ann.pk)
    text = reader.get(f"/users/{ann.pk}/history").text
    assert "An erased person" in text
    assert "She has the flu" not in text
    assert "None" not in text
