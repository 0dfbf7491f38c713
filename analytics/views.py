"""The dashboard."""

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from accounts.errors import Invalid
from accounts.permissions import ANALYTICS_READ, SIGNED_IN, requires
from analytics import dashboard
from analytics.filters import RANGES, DashboardQuery
from reprotech.http import PageRequest, go_to, render_page, wants_fragment


@requires(SIGNED_IN)
@require_safe
def show_home(request: PageRequest) -> HttpResponse:
    """The dashboard for those who may read figures, one's own profile in short for everybody else."""
    if not request.user.has_perm(ANALYTICS_READ):
        if wants_fragment(request):  # the permission was taken away while the dashboard was open
            return go_to(request, "home")
        context = {"session": request.page_session, "crumbs": [("Home", None)]}
        return render(request, "analytics/welcome.html", context)
    try:
        days = int(DashboardQuery.of(request).value("days") or DashboardQuery.DEFAULT)
    except Invalid:
        return go_to(request, "home")
    return _show_dashboard(request, days)


def _show_dashboard(request: PageRequest, days: int) -> HttpResponse:
    """The page; or its live part, which costs the database nothing when nothing changed (304)."""
    version = dashboard.version_of(days)
    etag = quote_etag(f"{version}-{request.user.pk}")
    if wants_fragment(request):
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is not None:
            return unchanged
    figures = dashboard.figures_of(days)
    context: dict[str, Any] = {
        "days": days,
        "ranges": RANGES,
        # htmx sends it with each poll: under `no-store` the browser itself would not.
        "poll_headers": json.dumps({"If-None-Match": etag}),
        "cards": dashboard.cards_of(figures),
        "charts": [(chart, json.dumps(chart.for_script)) for chart in dashboard.charts_of(figures)],
        **dashboard.latest(),
        "health": dashboard.health(),
        "version": dashboard.version(),
        "crumbs": [("Dashboard", None)],
    }
    return render_page(request, "analytics/dashboard.html", context, fragment="analytics/_dashboard.html")
