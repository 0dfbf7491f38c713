"""The page of the settings that are in force: to read, since the environment decides them."""

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from access_history.checking.outcome import last_check
from accounts.common.requests import PageRequest
from accounts.models import Role
from accounts.permissions import ROLE_READ, SETTINGS_READ
from audit.permissions import AUDIT_READ
from reprotech import __version__
from reprotech.settings_history.history import history
from reprotech.settings_history.snapshot import Snapshot
from reprotech.settings_page.facts import edited_since, rows
from reprotech.web.access import requires
from reprotech.web.responses import render_page


@requires(SETTINGS_READ)
@require_safe
def show_settings(request: PageRequest) -> HttpResponse:
    on_record = history()
    found = list(rows(on_record))
    is_narrowed = request.GET.get("show") == "chosen"
    shown = [(group, [row for row in of_group if row.is_chosen or not is_narrowed]) for group, of_group in found]
    env = settings.ENV
    context = {
        "groups": [(group, of_group) for group, of_group in shown if of_group],
        "is_narrowed": is_narrowed,
        "count": sum(len(of_group) for _, of_group in found),
        "chosen_count": sum(row.is_chosen for _, of_group in found for row in of_group),
        "warning_count": sum(len(row.warnings) for _, of_group in found for row in of_group),
        "version": __version__,
        "build": settings.BUILD_ID,
        "instance": settings.INSTANCE,
        "fingerprint": Snapshot.take().fingerprint,
        "last_change": on_record.last,
        "may_read_audit": request.user.has_perm(AUDIT_READ),
        "read_at": env.read_at,
        "edited_at": edited_since(),
        "access_history": last_check(),
        "requiring_roles": (
            Role.objects.filter(requires_factor=True) if request.user.has_perm(ROLE_READ) else Role.objects.none()
        ),
        "crumbs": [("Settings", None)],
    }
    return render_page(request, "settings/settings.html", context)
