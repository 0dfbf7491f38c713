"""Applications and sign-ins for tests, made without a trace in the log."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import Role, Session
from audit.tracking.model_tracking import explicitly_recorded
from sso.models import Application, AppSignIn


def make_application(name="Grafana", *roles, **fields):
    """An application that these roles (slugs) open; everybody may without any."""
    with explicitly_recorded():
        application = Application.objects.create(
            name=name,
            slug=fields.pop("slug", name.lower().replace(" ", "")[:16]),
            is_for_everybody=not roles,
            **{"redirect_uris": ["https://grafana.lab.example/login/generic_oauth"], **fields},
        )
        application.roles.set(Role.objects.filter(slug__in=roles))
    return application


def make_session(user, kind=Session.Kind.PAGE, **fields):
    """A session that lasts for an hour."""
    with explicitly_recorded():
        times = {"expires_at": timezone.now() + timedelta(hours=1), "confirmed_at": timezone.now()}
        return Session.objects.create(user=user, kind=kind, **{**times, **fields})


def make_sign_in(application, user, session=None, **fields):
    """A sign-in of a person in a session of theirs."""
    session = session or make_session(user)
    with explicitly_recorded():
        return AppSignIn.objects.create(application=application, user=user, session=session, **fields)
