"""Which tabs an application's page has for its reader, and what deserves attention there."""

from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from accounts.common.tabs import Tab
from accounts.models import Permission, User
from accounts.permissions import SESSION_REVOKE, USER_READ
from audit.permissions import AUDIT_READ
from sso.models import Application, LogoutNotice

#: A secret that is older deserves a new one.
OLD_SECRET = timedelta(days=365)
#: For how long a program that a sign-out didn't reach is shown as failing.
NOTICE_PERIOD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 (Python's own is none of ours)
    sentence: str
    advice: str = ""
    #: Whether something is wrong, not only open.
    is_failure: bool = False


def may_see_sign_ins(reader: User) -> bool:
    """Who, when and from where: as on a person's page."""
    return reader.has_perm(USER_READ) and (reader.has_perm(SESSION_REVOKE) or reader.has_perm(AUDIT_READ))


def application_tabs(reader: User, application: Application) -> list[Tab]:
    """Those that the reader may open."""
    at = [application.pk]
    own = Permission.objects.filter(application_slug=application.slug).count()
    tabs = [
        Tab("overview", "Overview", reverse("application", args=at)),
        Tab("setup", "Set-up", reverse("application_setup", args=at)),
    ]
    if may_see_sign_ins(reader):
        tabs.append(Tab("sign_ins", "Sign-ins", reverse("application_sign_ins", args=at)))
    tabs.append(Tab("permissions", "Permissions", reverse("application_permissions", args=at), own))
    if reader.has_perm(AUDIT_READ):
        tabs.append(Tab("activity", "Activity", reverse("application_activity", args=at)))
    return tabs


def warnings_of(application: Application) -> list[Warning]:
    return [*_access_warnings(application), *_secret_warnings(application), *_notice_warnings(application)]


def _access_warnings(application: Application) -> list[Warning]:
    found = []
    if not application.is_active:
        found.append(Warning("It is inactive: nobody can sign in to it."))
    if not (application.redirect_uris or application.service_account_id or application.device_grant):
        found.append(Warning("It has no redirect address, so nobody can sign in to it yet.", "Add one under Edit."))
    if not application.roles.all() and application.is_for_everybody:
        found.append(Warning("No role opens it: everybody with an account here may.", "Choose roles under Edit."))
    elif not application.roles.all():
        found.append(Warning("The roles that opened it were deleted: nobody may open it.", "Choose others under Edit."))
    return found


def _secret_warnings(application: Application) -> list[Warning]:
    made = application.secret_created_at
    if application.is_confidential and made is not None and made < timezone.now() - OLD_SECRET:
        return [Warning("Its secret is older than a year.", "Make a new one; the old one can go on for a day.")]
    return []


def _notice_warnings(application: Application) -> list[Warning]:
    """Sign-outs that didn't reach the program."""
    since = timezone.now() - NOTICE_PERIOD
    failing = LogoutNotice.objects.filter(application=application, created_at__gt=since, delivered_at=None)
    notice = failing.exclude(last_error="").order_by("-id").first()
    if notice is None:
        return []
    count = failing.exclude(last_error="").count()
    sentence = f"{count} sign-out{'' if count == 1 else 's'} couldn't be delivered to its back-channel logout address."
    return [Warning(sentence, f"The last error: {notice.last_error}", is_failure=True)]
