"""Exclusions to break."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.exclusions import exception_services, services
from accounts.models import ExclusionException


@pytest.fixture
def exclude(cast):
    """Keep two sets apart, separated by spaces; refused unless a mode is given."""

    def make(set_a="lab_test_create lab_test_update", set_b="lab_test_approve", mode="refuse", name="Tests"):
        return services.create_exclusion(
            actor=SYSTEM, name=name, set_a=set_a.split(), set_b=set_b.split(), mode=mode, reason="Four eyes."
        )

    return make


@pytest.fixture
def allow(cast):
    """Let a person hold both for some days: asked for by the administrator, approved by the Super Administrator."""

    def make(exclusion, user, days=7):
        asked = exception_services.ask_for_exception(
            actor=cast.admin,
            exclusion_id=exclusion.pk,
            user=user.username,
            reason="Illness of a colleague.",
            ends_at=timezone.now() + timedelta(days=days),
        )
        exception_services.approve_exception(actor=cast.super_admin, exclusion_id=exclusion.pk, exception_id=asked.pk)
        return ExclusionException.objects.get(pk=asked.pk)

    return make
