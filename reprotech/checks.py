"""System checks that run before every start."""

from collections.abc import Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from reprotech.conf.env import LOOPBACK_HOSTS
from reprotech.migration_history import UPGRADE_HINT, is_too_old
from reprotech.route_access import all_routes

CONSOLE_BACKEND = "django.core.mail.backends.console.EmailBackend"
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@register(Tags.urls)
def every_route_declares_access(**_: object) -> list[CheckMessage]:
    """A view that declares no access is denied to everybody."""
    return [
        Error(f"/{route.path} declares no access.", hint="Add @requires or required_permissions.", id="reprotech.E001")
        for route in all_routes()
        if route.access is None
    ]


@register(Tags.database)
def database_is_not_too_old(*, databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    return [
        Error(
            "The database is of a version that this one can't bring up to date.", hint=UPGRADE_HINT, id="reprotech.E004"
        )
        for alias in databases or ()
        if is_too_old(MigrationRecorder(connections[alias]).applied_migrations())
    ]


@register(Tags.security)
def debug_serves_this_machine_alone(**_: object) -> list[CheckMessage]:
    foreign = [host for host in settings.ALLOWED_HOSTS if host not in {*LOOPBACK_HOSTS, "[::1]", "testserver"}]
    if not settings.DEBUG or not foreign:
        return []
    return [
        CheckWarning(
            f"DEBUG is true, and requests for {', '.join(foreign)} are served.",
            hint="Failures show code and settings. For real use set DEBUG=false.",
            id="reprotech.W002",
        )
    ]


@register(Tags.security, deploy=True)
def mailed_anchors_have_a_mail_server(**_: object) -> list[CheckMessage]:
    if not settings.AUDIT_ANCHOR_EMAIL or settings.EMAIL_BACKEND != CONSOLE_BACKEND:
        return []
    return [Error("AUDIT_ANCHOR_EMAIL is set, but EMAIL_URL names no mail server.", id="reprotech.E003")]
