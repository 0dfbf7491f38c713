"""What pages of other subjects show of single sign-on: programs to open, and programs that a person is signed in to."""

from django import template
from django.template import Context

from accounts.models import User
from accounts.users.allowed_actions import may_end_sessions
from sso.models import Application, AppSignIn, EndReason

register = template.Library()

#: Programs of one person that are shown, the latest used first.
MAX_PROGRAMS = 20
END_REASONS = {
    EndReason.LOGOUT: "Signed out",
    EndReason.REVOKED: "Signed out by an administrator",
    EndReason.SESSION_ENDED: "Session ended",
    EndReason.ACCOUNT_DISABLED: "Account may not sign in",
    EndReason.REQUIRED_ACTION: "Something to do here first",
    EndReason.ROLE_TAKEN: "No role opens it any more",
    EndReason.APPLICATION_INACTIVE: "Application inactive",
    EndReason.APPLICATION_DELETED: "Application deleted",
    EndReason.CODE_REUSE: "Code used twice",
    EndReason.REFRESH_REUSE: "Token used twice",
    EndReason.EXPIRED: "Expired",
}


@register.filter
def end_reason(reason: str) -> str:
    """Why a sign-in ended, in words."""
    return END_REASONS.get(EndReason(reason), "Ended") if reason in set(EndReason) else "Ended"


@register.inclusion_tag("sso/_launcher.html", takes_context=True)
def launcher(context: Context) -> dict[str, object]:
    """The programs that the reader may open, by name."""
    reader: User = context["request"].user
    return {"programs": Application.objects.active().open_to(reader).exclude(home_url="").by_name()}


@register.inclusion_tag("sso/_programs.html", takes_context=True)
def programs_of(context: Context, person: User, *, is_own: bool = False) -> dict[str, object]:
    """The programs that `person` is signed in to; for others than themselves where the reader sees their sessions."""
    reader: User = context["request"].user
    sign_ins = AppSignIn.objects.filter(user=person).of_person().valid().select_related("application", "session")
    return {
        **{name: context.get(name) for name in ("request", "csrf_token", "may", "time_zone")},
        "person": person,
        "is_own": is_own,
        "may_end": is_own or may_end_sessions(reader, person),
        "sign_ins": sign_ins.order_by("-last_used_at", "id")[:MAX_PROGRAMS],
    }
