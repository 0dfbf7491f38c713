"""What is to be done after installing, for Super Administrators. Each step is done by doing it: facts say which are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.core.catalogue import SUPER_ADMIN
from accounts.models import Role, RoleGrant, User
from accounts.users.default_data import ADMIN_USERNAME, has_documented_password
from audit.models import AuditLog, VerificationRun

#: Events about the checklist are of the resource `settings`, under these ids.
MAIL_TESTED = "test-mail"
DISMISSED = "checklist-of-{}"
#: A public address with one of these leads to the reader's own computer.
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    text: str
    is_done: bool
    #: Where it is done, and how the link is called.
    url: str = ""
    action: str = ""
    #: Whether a button sends a test mail instead.
    sends_mail: bool = False


def checklist_for(user: User) -> list[Step] | None:
    """The steps; None once all are done or the user has dismissed them, and for everybody but Super Administrators."""
    if not user.is_super_administrator or _is_over() or _happened(DISMISSED.format(user.pk)):
        return None
    steps = [*_steps(user)]
    return None if all(step.is_done for step in steps) else steps


def _steps(user: User) -> Iterator[Step]:
    yield _password_step(user)
    yield Step(
        "Set up two-factor authentication",
        "Your account can do everything: a stolen password alone should open nothing.",
        bool(user.second_factors),
        reverse("security"),
        "Set up",
    )
    yield Step(
        "Send a test mail",
        f"Invitations and password resets are sent by mail. It goes to {user.email}.",
        _happened(MAIL_TESTED),
        sends_mail=True,
    )
    yield Step(
        "Set the public address",
        f"Links in mails begin with {settings.PUBLIC_URL}. PUBLIC_URL sets it.",
        urlsplit(settings.PUBLIC_URL).hostname not in LOOPBACK_HOSTS,
        f"{reverse('settings')}#PUBLIC_URL",
        "View",
    )
    others = User.objects.existing().people().exclude(pk=user.pk).exclude(username=ADMIN_USERNAME)
    yield Step(
        "Invite your first colleague",
        "They choose their own password by a link.",
        others.exists(),
        reverse("new_user"),
        "Invite",
    )
    yield Step(
        "Review the roles",
        "Assign one to a colleague, change one, or create your own.",
        _are_roles_used(),
        reverse("roles"),
        "Review",
    )
    yield Step(
        "Verify the audit log",
        "Check that no recorded event was changed.",
        VerificationRun.objects.filter(finished_at__isnull=False, since=0, findings=[]).exists(),
        reverse("audit"),
        "Verify",
    )


def _password_step(user: User) -> Step:
    admin = user if user.username == ADMIN_USERNAME else User.objects.existing().filter(username=ADMIN_USERNAME).first()
    is_own = admin is not None and admin.pk == user.pk
    return Step(
        "Change the documented password",
        f"Anyone who has read the documentation knows the password of {ADMIN_USERNAME}.",
        admin is None or not has_documented_password(admin),
        reverse("change_password") if is_own or admin is None else reverse("reset_user_password", args=[admin.pk]),
        "Change" if is_own else "Reset",
    )


def _are_roles_used() -> bool:
    if Role.objects.filter(Q(is_system=False) | Q(is_customized=True)).exists():
        return True
    return RoleGrant.objects.exclude(role__slug=SUPER_ADMIN).exists()


def _is_over() -> bool:
    """Whether the events that say what was done may be archived: the installation has long been in use then."""
    days = settings.AUDIT_RETENTION_DAYS
    return bool(days) and Role.objects.filter(created_at__lt=timezone.now() - timedelta(days=days)).exists()


def _happened(name: str) -> bool:
    return AuditLog.objects.filter(resource="settings", resource_id=name, success=True).exists()
