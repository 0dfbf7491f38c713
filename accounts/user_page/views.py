"""A person's page: a tab for each subject, with an address of its own."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.access.authorization import Target
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import get_user_or_404
from accounts.models import User
from accounts.models.querysets import DORMANT_AFTER
from accounts.permissions import SESSION_REVOKE, USER_READ, USER_UPDATE
from accounts.sessions import services as session_services
from accounts.user_page.access_groups import access_groups
from accounts.user_page.filters import UserKeyFilter, UserSessionFilter
from accounts.user_page.neighbours import list_suffix, opened_from
from accounts.user_page.role_changes import UserRolesForm
from accounts.user_page.tabs import may_see_sessions, user_page
from accounts.users.allowed_actions import allowed_actions, may_end_sessions
from audit.models import Action, AuditLog
from audit.models.querysets import INVOLVEMENTS
from audit.permissions import AUDIT_READ
from reprotech.core.exceptions import Forbidden
from reprotech.web.access import POST, SAFE, requires
from reprotech.web.responses import UNPROCESSABLE, render_page

MAX_SIGN_INS = 5
MAX_EVENTS = 20
#: What the filter of the events is called.
INVOLVEMENT_LABELS = {"all": "All", "by": "Actions by", "about": "Changes to"}


def render_tab(
    request: PageRequest, user: User, tab: str, context: Mapping[str, object], status: int = 200
) -> HttpResponse:
    context = {**user_page(request, user, tab), "tab_template": f"accounts/user_page/_{tab}.html", **context}
    return render_page(request, "accounts/user.html", context, fragment="accounts/user_page/_page.html", status=status)


@requires(USER_READ, SAFE)
def show_user(request: PageRequest, user_id: int) -> HttpResponse:
    """The overview; of a deleted account what the audit log knows, for those who may read it."""
    users = User.objects.ever_visible_to(request.user).with_roles()
    user = get_object_or_404(users, pk=user_id)
    reads_log = request.user.has_perm(AUDIT_READ)
    if user.deleted_at is not None:
        if not reads_log:
            raise Http404
        return _show_deleted(request, user)
    context: dict[str, object] = {
        "sign_ins": AuditLog.objects.latest_sign_ins(user.pk, MAX_SIGN_INS) if reads_log else None,
        "required_by": [role for role in user.roles.all() if role.requires_factor],
        "is_dormant": _is_dormant(user),
    }
    if user.is_service and request.user.has_perm(USER_UPDATE):
        context |= _keys_of(request, user)
    return render_tab(request, user, "overview", context)


def _is_dormant(user: User) -> bool:
    """Whether a person who may sign in hasn't for long, as the list's filter has it."""
    since = user.last_login or user.created_at
    return user.can_sign_in and not user.is_service and since < timezone.now() - DORMANT_AFTER


def _show_deleted(request: PageRequest, user: User) -> HttpResponse:
    about = AuditLog.objects.filter(resource="user", resource_id=str(user.pk))
    deletion = about.filter(action=Action.DELETE, success=True).newest_first().first()
    context = {
        "person": user,
        "is_erased": ":" in user.username,  # the usernames that people choose have none
        "deletion": deletion,
        "roles": deletion.changes.get("roles", [[]])[0] if deletion else [],
        "events": AuditLog.objects.latest_around(user.pk, MAX_EVENTS),
        "crumbs": [("Users", reverse("users")), ("Deleted account", None)],
    }
    return render(request, "accounts/user_page/deleted.html", context)


@requires(USER_READ, SAFE)
def show_access(request: PageRequest, user_id: int) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    form = UserRolesForm(actor=request.user, record=user) if may_change_roles(request, user) else None
    return render_access(request, user, form)


def may_change_roles(request: PageRequest, user: User) -> bool:
    return "roles" in allowed_actions(request.user, user)


def render_access(request: PageRequest, user: User, form: UserRolesForm | None) -> HttpResponse:
    """Roles, to be ticked where a form is given, and the permissions that they give."""
    context = {
        "form": form,
        "change": form.change_for(user) if form else None,
        "access": access_groups(user.roles.all()),
        "periods": user.role_grants.unended().select_related("role", "granted_by"),
        "may_change": form is not None,
        "changeable_roles": {choice.role.pk for choice in form.role_choices if not choice.missing} if form else set(),
    }
    status = UNPROCESSABLE if form is not None and form.errors else 200
    return render_tab(request, user, "access", context, status)


def _keys_of(request: PageRequest, user: User) -> dict[str, object]:
    actions = allowed_actions(request.user, user)
    return {
        "key_page": UserKeyFilter.parse(request.GET).page_of(user.api_keys.unrevoked()),
        "may_manage": "keys" in actions,
        "may_make": "make_keys" in actions,
    }


@requires(USER_READ, SAFE)
def show_sessions(request: PageRequest, user_id: int) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    if not may_see_sessions(request.user, user):
        raise Forbidden(SESSION_REVOKE, Target.of(user))
    context = {
        "page": UserSessionFilter.parse(request.GET).page_of(user.sessions.alive()),
        "session": request.page_session,
        "may_end": may_end_sessions(request.user, user),
    }
    return render_tab(request, user, "sessions", context)


@requires(USER_READ, POST)
def end_session(request: PageRequest, user_id: int, session_id: UUID) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    session = get_object_or_404(user.sessions.alive(), pk=session_id)
    # The service requires `session_revoke`, unless the session is the reader's own.
    session_services.end_session(actor=request.user, session_id=session.pk)
    messages.success(request, f"Session of {user.username} ended.")
    return redirect(reverse("user_sessions", args=[user.pk]) + list_suffix(opened_from(request)))


@requires(USER_READ, SAFE)
def show_keys(request: PageRequest, user_id: int) -> HttpResponse:
    if not request.user.has_perm(USER_UPDATE):
        raise Forbidden(USER_UPDATE, Target("user", user_id))
    user = get_user_or_404(request, user_id)
    if user.is_service:
        return redirect(reverse("user", args=[user.pk]) + list_suffix(opened_from(request)))
    return render_tab(request, user, "keys", _keys_of(request, user))


@requires(USER_READ, SAFE)
def show_activity(request: PageRequest, user_id: int) -> HttpResponse:
    """The latest events by and about the user, or one of the two."""
    if not request.user.has_perm(AUDIT_READ):
        raise Forbidden(AUDIT_READ, Target("user", user_id))
    user = get_user_or_404(request, user_id)
    asked = request.GET.get("show", "")
    involvement = asked if asked in INVOLVEMENTS else "all"
    context = {
        "involvement": involvement,
        "involvements": INVOLVEMENT_LABELS.items(),
        "events": AuditLog.objects.latest_around(user.pk, MAX_EVENTS, involvement),
    }
    return render_tab(request, user, "activity", context)
