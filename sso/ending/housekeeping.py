"""Deletes what nobody needs any more: ended sign-ins, codes that nobody redeemed, devices and notices.

The log keeps the events.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit.tracking.model_tracking import explicitly_recorded
from sso.models import AppSignIn, DeviceRequest, LogoutNotice

#: Rows that one transaction deletes.
BATCH_SIZE = 500
#: An application's page shows who was signed in lately.
KEEP_ENDED = timedelta(days=30)
#: A code lives for a minute; a token of an application that acts by itself for an hour at most.
KEEP_UNUSED = timedelta(hours=2)
KEEP_DEVICES = timedelta(days=1)
KEEP_DELIVERED, KEEP_FAILED = timedelta(days=1), timedelta(days=30)


def delete_old() -> int:
    """Returns how many rows went. Several processes may do this at once."""
    now = timezone.now()
    delivered = Q(delivered_at__lt=now - KEEP_DELIVERED) | Q(failed_at__lt=now - KEEP_FAILED)
    return sum(
        map(
            _delete_in_batches,
            (
                LogoutNotice.objects.filter(delivered),
                DeviceRequest.objects.filter(expires_at__lt=now - KEEP_DEVICES),
                AppSignIn.objects.filter(ended_at__lt=now - KEEP_ENDED),
                AppSignIn.objects.filter(code_used_at__isnull=True, code_expires_at__lt=now - KEEP_UNUSED),
                AppSignIn.objects.filter(session__isnull=True, access_expires_at__lt=now - KEEP_UNUSED),
            ),
        )
    )


def _delete_in_batches(rows: QuerySet) -> int:  # type: ignore[type-arg]
    count = 0
    while ids := list(rows.order_by().values_list("pk", flat=True)[:BATCH_SIZE]):
        with transaction.atomic(), explicitly_recorded():
            # The condition too: what was used meanwhile stays.
            rows.filter(pk__in=ids).order_by().delete()
        count += len(ids)
    return count
