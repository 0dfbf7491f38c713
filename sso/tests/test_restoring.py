"""After a restore applications hold nothing by themselves, and each has one secret."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Forbidden
from reprotech.testing.cast import audit_rows, make_user
from sso.applications.secrets import authenticate_client
from sso.applications.services import create_application, renew_secret
from sso.exceptions import InvalidClient
from sso.models import AppSignIn, DeviceRequest
from sso.sign_ins.restoring import end_restored_sign_ins
from sso.tests.support.sign_ins import make_application, make_sign_in

pytestmark = pytest.mark.django_db


def test_what_hangs_on_no_session_ends_with_one_event_for_each_application(cast):
    robot = make_user("robot", is_service=True, password=None)
    made = create_application(actor=SYSTEM, name="LIMS", slug="lims", service_account="robot")
    other, soon = make_application("Grafana"), timezone.now() + timedelta(hours=1)
    new = renew_secret(actor=SYSTEM, application_id=made.application.pk, keep_old_hours=24).client_secret
    person = make_sign_in(other, cast.viewer)
    with explicitly_recorded():
        AppSignIn.objects.create(application=made.application, user=robot, access_expires_at=soon)
        DeviceRequest.objects.create(device_hash="d", user_code_hash="u", application=other, expires_at=soon)
    with audit_rows() as rows:
        assert end_restored_sign_ins(actor=SYSTEM) == 1
    (row,) = rows
    assert (row.resource_name, row.details["ended_sign_ins"]) == ("LIMS", 1)
    # Those of people end with their sessions.
    assert list(AppSignIn.objects.unended()) == [person]
    assert not DeviceRequest.objects.exists()
    client_id = made.application.client_id
    assert authenticate_client(client_id=client_id, secret=new)
    with pytest.raises(InvalidClient):
        authenticate_client(client_id=client_id, secret=made.client_secret)
    with audit_rows() as rows:
        assert end_restored_sign_ins(actor=SYSTEM) == 0
    assert rows == []
    with pytest.raises(Forbidden):
        end_restored_sign_ins(actor=cast.viewer)
