"""Replay protection: remembers the ids of used one-time values, such as challenges."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import SpentOnce


def consume(name: str, expires_at: datetime) -> bool:
    """Whether this is the first use. Within a transaction: of two at once the second waits for the first."""
    # In a savepoint: after an error PostgreSQL would refuse the rest of the transaction.
    try:
        with transaction.atomic():
            SpentOnce.objects.create(name=name, expires_at=expires_at)
    except IntegrityError:
        return False
    # After the commit: concurrent sign-ins would wait for each other's deletions.
    transaction.on_commit(_delete_expired)
    return True


def is_consumed(name: str) -> bool:
    return SpentOnce.objects.filter(pk=name).exists()


def _delete_expired() -> None:
    SpentOnce.objects.filter(expires_at__lt=timezone.now()).delete()
