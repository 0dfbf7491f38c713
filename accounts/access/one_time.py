"""What is good once."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import SpentOnce


def consume(name: str, expires_at: datetime) -> bool:
    """Whether this is the first use. Part of a transaction: of two at once the second waits for the first's end."""
    try:
        with transaction.atomic():
            SpentOnce.objects.create(name=name, expires_at=expires_at)
    except IntegrityError:
        return False
    transaction.on_commit(_forget_old)
    return True


def is_consumed(name: str) -> bool:
    """Whether it was used before."""
    return SpentOnce.objects.filter(pk=name).exists()


def _forget_old() -> None:
    SpentOnce.objects.filter(expires_at__lt=timezone.now()).delete()
