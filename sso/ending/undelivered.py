"""Sign-outs that didn't reach an application, for people who can do something about it."""

from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from sso.models import LogoutNotice

#: Before it, a program may just be starting again.
ATTEMPTS_BEFORE_COMPLAINT = 4
#: A given-up notice is of interest for so long.
RECENT = timedelta(days=1)


def undelivered_sign_outs() -> list[tuple[int, str, int]]:
    """(id, name, number) of active applications with sign-outs that were given up or tried several times."""
    given_up = Q(failed_at__gt=timezone.now() - RECENT)
    tried = Q(failed_at__isnull=True, attempts__gte=ATTEMPTS_BEFORE_COMPLAINT)
    notices = LogoutNotice.objects.filter(given_up | tried, delivered_at__isnull=True, application__is_active=True)
    counted = notices.order_by().values_list("application", "application__name").annotate(number=Count("pk"))
    return list(counted.order_by("-number", "application"))
