"""One account's history: a tab of its page, and a page of its own once it is deleted."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from access_history.pages.lines import PersonHistory, read_history
from access_history.projection.catch_up import catch_up
from accounts.access.authorization import Target
from accounts.common.requests import PageRequest
from accounts.models import User
from accounts.permissions import USER_READ
from accounts.user_page.views import render_tab
from audit.permissions import AUDIT_READ
from reprotech.core.exceptions import Forbidden
from reprotech.web.access import SAFE, requires


@requires(USER_READ, SAFE)
def show_history(request: PageRequest, user_id: int) -> HttpResponse:
    """What became of an account, and which roles it held from when until when."""
    if not request.user.has_perm(AUDIT_READ):
        raise Forbidden(AUDIT_READ, Target("user", user_id))
    progress = catch_up()
    history = read_history(user_id, timezone.now())
    user = User.objects.visible_to(request.user).with_roles().filter(pk=user_id).first()
    context: dict[str, object] = {"history": history, "user_id": user_id, "complete_to": progress.complete_to}
    if user is not None:
        return render_tab(request, user, "history", context)
    if history is None:
        raise Http404
    return render(request, "access_history/deleted.html", {**context, "crumbs": _crumbs(history)})


def _crumbs(history: PersonHistory) -> list[tuple[str, str | None]]:
    name = history.name[0].upper() + history.name[1:]
    return [("Access history", reverse("access")), (name, None)]
