"""Which tabs a person's page has for its reader, and what stands in its head."""

from collections.abc import Collection
from urllib.parse import urlencode

from django.urls import reverse

from accounts.access.reader_rights import missing_permissions
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs
from accounts.common.tabs import Tab
from accounts.models import User
from accounts.permissions import SESSION_REVOKE, USER_READ, USER_UPDATE
from accounts.throttling import login_throttle
from accounts.user_page.neighbours import TAB_URLS, list_suffix, list_url, opened_from, place_of
from accounts.users.allowed_actions import allowed_actions
from audit.permissions import AUDIT_READ


def may_see_sessions(reader: User, user: User) -> bool:
    return reader.pk == user.pk or reader.has_perm(SESSION_REVOKE) or reader.has_perm(AUDIT_READ)


def user_tabs(reader: User, user: User, suffix: str = "") -> list[Tab]:
    """Those that the reader may open. A service account has no sessions, and its keys are on its overview."""
    if not reader.has_perm(USER_READ):
        return []
    at = {name: reverse(url_name, args=[user.pk]) + suffix for name, url_name in TAB_URLS.items()}
    tabs = [
        Tab("overview", "Overview", at["overview"]),
        Tab("access", "Access", at["access"], len(user.roles.all())),
    ]
    if not user.is_service and may_see_sessions(reader, user):
        tabs.append(Tab("sessions", "Sessions", at["sessions"], user.sessions.alive().count()))
    if not user.is_service and reader.has_perm(USER_UPDATE):
        tabs.append(Tab("keys", "API keys", at["keys"], user.api_keys.unrevoked().count()))
    if reader.has_perm(AUDIT_READ):
        tabs.append(Tab("history", "Access history", at["history"]))
        tabs.append(Tab("activity", "Activity", at["activity"]))
    return tabs


def user_page(request: PageRequest, user: User, open_tab: str) -> dict[str, object]:
    """What the head and the tabs show, whichever is open."""
    reader, actions = request.user, allowed_actions(request.user, user)
    login_throttle.mark_locked_out([user])
    primary = primary_action(user, actions)
    query = opened_from(request)
    suffix = list_suffix(query)
    return {
        "person": user,
        "beyond": missing_permissions(reader, user),
        "actions": actions,
        "primary": primary,
        "menu_actions": actions - {primary},
        "is_own": reader.pk == user.pk,
        "tabs": user_tabs(reader, user, suffix),
        "open_tab": open_tab,
        "here": urlencode({"next": request.path + suffix}),
        "opened_from": query,
        "list_suffix": suffix,
        "place": place_of(reader, user, query, open_tab) if query and reader.has_perm(USER_READ) else None,
        "crumbs": [("Users", list_url(query)), *breadcrumbs("user", user)[1:]],
    }


def primary_action(user: User, actions: Collection[str]) -> str:
    """What one most likely came for: to let people in who can't sign in, or else to edit. "" if nothing is allowed."""
    wanted = [
        ("unlock", user.is_locked),
        ("activate", not user.is_active),
        ("resend_invitation", user.status == "invited"),
        ("let_in", user.is_locked_out),
        ("edit", True),
    ]
    return next((name for name, applies in wanted if applies and name in actions), "")
