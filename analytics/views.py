import json
from functools import partial

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.safestring import SafeString

from accounts.common.requests import PageRequest
from accounts.models import User
from accounts.permissions import ROLE_READ, USER_READ
from analytics import attention, charts, dashboard, dashboard_cache
from analytics.filters import PERIODS, RANGES, DashboardQuery
from analytics.first_start.checklist import checklist_for
from analytics.permissions import ANALYTICS_READ
from audit.permissions import AUDIT_READ
from reprotech import __version__
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.access import SAFE, SIGNED_IN, requires
from reprotech.web.responses import htmx_redirect, render_page, wants_fragment
from sso.permissions import SETTINGS_READ

#: Permissions that links need.
LINK_PERMISSIONS = (AUDIT_READ, USER_READ, ROLE_READ, SETTINGS_READ)


@requires(SIGNED_IN, SAFE)
def show_home(request: PageRequest) -> HttpResponse:
    """The dashboard for those who may read figures, a short profile for everybody else."""
    if not request.user.has_perm(ANALYTICS_READ):
        if wants_fragment(request):  # the permission was revoked while the dashboard was open
            return htmx_redirect(request, "home")
        context = {"session": request.page_session, "crumbs": [("Home", None)]}
        return render(request, "analytics/welcome.html", context)
    try:
        days = int(DashboardQuery.from_request(request).value("days") or DashboardQuery.DEFAULT)
    except ValidationFailed:
        return htmx_redirect(request, "home")
    return _show_dashboard(request, days)


def _show_dashboard(request: PageRequest, days: int) -> HttpResponse:
    """The page, or its polled fragment, which costs the database nothing when nothing changed (304)."""
    version = dashboard_cache.version_of(days)
    etag = quote_etag(f"{version}-{request.user.pk}")
    may = {permission: request.user.has_perm(permission) for permission in LINK_PERMISSIONS}
    if not wants_fragment(request):
        content = _content(days, may, _to_decide(request.user, days, version))
    else:
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is not None:
            return unchanged
        to_decide = _to_decide(request.user, days, version)
        content = dashboard_cache.content_of(version, days, may, to_decide, lambda: _content(days, may, to_decide))
    context: dict[str, object] = {
        "days": days,
        "ranges": RANGES,
        # For htmx to send with each poll: under `no-store` the browser itself doesn't.
        "poll_headers": json.dumps({"If-None-Match": etag}),
        "content": content,
        "checklist": checklist_for(request.user),
        "crumbs": [("Dashboard", None)],
    }
    return render_page(request, "analytics/dashboard.html", context, fragment="analytics/_dashboard.html")


def _to_decide(reader: User, days: int, version: str) -> int:
    compute = partial(attention.requests_to_decide, dashboard_cache.figures_of(days)["attention"], reader)
    return dashboard_cache.number_for(reader.pk, "requests to decide", version, compute)


def _content(days: int, may: dict[str, bool], to_decide: int) -> SafeString:
    # The same for all readers with the same links and number of requests, so that they can share it.
    figures = dashboard_cache.figures_of(days)
    context: dict[str, object] = {
        "may": may,
        "period": PERIODS[days],
        "cards": dashboard.cards_of(figures, may),
        "attention": attention.lines(figures["attention"], figures["locked_users"], may, to_decide),
        "charts": [(chart, json.dumps(chart.for_script)) for chart in charts.charts_of(figures, may)],
        "statuses": charts.statuses_of(figures, may),
        "roles": charts.roles_of(figures, may),
        "roles_summary": charts.roles_summary(figures["users_by_role"]),
        "is_log_damaged": figures["attention"]["log"]["state"] == "damaged",
        "verified_at": attention.verified_at(figures["attention"]),
        **dashboard.recent_activity(),
        "health": dashboard.health(),
        "version": __version__,
    }
    return render_to_string("analytics/_content.html", context)
