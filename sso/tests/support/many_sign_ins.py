"""Many sign-ins at once, for benchmarks."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from accounts.models import Role, Session
from audit.tracking.model_tracking import explicitly_recorded
from sso.models import AppSignIn, Subject
from sso.tests.support.sign_ins import make_application

PROGRAMS = 10
BATCH_SIZE = 1_000


def make_sign_ins(people, count):
    """So many that hold, of these people at ten programs, half of which are open to everybody."""
    now = timezone.now()
    roles = list(Role.objects.values_list("slug", flat=True))
    programs = [make_application(f"Program {number}", *(roles if number % 2 else [])) for number in range(PROGRAMS)]
    times = {"expires_at": now + timedelta(hours=8), "confirmed_at": now}
    sessions = [Session(user=person, kind=Session.Kind.PAGE, **times) for person in people]
    sign_ins = [
        AppSignIn(
            application=programs[number % PROGRAMS],
            user=people[number // PROGRAMS % len(people)],
            session=sessions[number // PROGRAMS % len(people)],
            scope="openid profile email roles",
            access_hash=f"{number:064x}",
            access_expires_at=now + timedelta(minutes=5),
            refresh_hash=f"{number:063x}r",
            refresh_family_hash=f"{number:063x}f",
            created_at=now - timedelta(seconds=number),
        )
        for number in range(count)
    ]
    with explicitly_recorded():
        Session.objects.bulk_create(sessions, BATCH_SIZE)
        Subject.objects.bulk_create([Subject(user=person) for person in people], BATCH_SIZE)
        AppSignIn.objects.bulk_create(sign_ins, BATCH_SIZE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert AppSignIn.objects.valid().count() == count


def delete_sign_ins(application):
    """All at this one."""
    with explicitly_recorded():
        AppSignIn.objects.filter(application=application).delete()
