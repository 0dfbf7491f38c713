"""The list of exclusions, the page of one, and who holds what is excluded."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.access.authorization import Target
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import Breadcrumbs
from accounts.exclusions.filters import ViolationFilter
from accounts.exclusions.loosening import sentence_for_those_bound
from accounts.exclusions.readers import require_reader_of_users
from accounts.exclusions.suggestions import SUGGESTIONS
from accounts.exclusions.violations import count_violators, find_violations, rules_of
from accounts.models import Exclusion
from accounts.permissions import ROLE_READ, ROLE_UPDATE, USER_READ
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.access import SAFE, requires
from reprotech.web.responses import UNPROCESSABLE, render_page

#: Shown on an exclusion's own page; another page has them all.
MAX_SHOWN = 10


@requires(ROLE_READ, SAFE)
def list_exclusions(request: PageRequest) -> HttpResponse:
    exclusions = list(Exclusion.objects.with_sets())
    counts = count_violators(rules_of())
    for exclusion in exclusions:
        exclusion.violations = counts.get(exclusion.pk, 0)
    context = {
        "exclusions": exclusions,
        "suggestions": SUGGESTIONS,
        "violations": sum(counts.values()),
        "crumbs": [("Exclusions", None)],
    }
    return render_page(request, "accounts/exclusions/list.html", context)


@requires(ROLE_READ, SAFE)
def show_exclusion(request: PageRequest, exclusion_id: int) -> HttpResponse:
    """An exclusion; for readers of users, who holds both sets now, and the exceptions."""
    exclusion = find_exclusion(exclusion_id)
    rules = rules_of([exclusion.pk])
    counts = count_violators(rules)
    exclusion.violations = counts.get(exclusion.pk, 0)
    may_see_people = request.user.has_perm(USER_READ)
    context = {
        "exclusion": exclusion,
        "sets": [named_set(exclusion, side) for side in Exclusion.SIDES],
        "violations": find_violations(rules, counts, 0, MAX_SHOWN) if may_see_people else [],
        "exceptions": exclusion.exceptions.with_people() if may_see_people else [],
        "bound": sentence_for_those_bound(request.user, rules) if request.user.has_perm(ROLE_UPDATE) else "",
        "crumbs": exclusion_crumbs(exclusion),
    }
    return render_page(request, "accounts/exclusions/exclusion.html", context)


@requires(ROLE_READ, SAFE)
def list_violations(request: PageRequest) -> HttpResponse:
    """A page of those who hold what is excluded; 422 with an explanation for invalid filters."""
    require_reader_of_users(request.user, Target("exclusion"))
    context: dict[str, object] = {
        "exclusions": [
            (str(pk), name, str(pk) == request.GET.get("exclusion"))
            for pk, name in Exclusion.objects.values_list("pk", "name")
        ],
        "crumbs": [*exclusion_crumbs(None), ("Who holds both", None)],
    }
    status = 200
    try:
        context["page"] = ViolationFilter.parse(request.GET).page_of_violations()
    except ValidationFailed as refusal:
        context["errors"], status = refusal.errors, UNPROCESSABLE
    page, fragment = "accounts/exclusions/violations.html", "accounts/exclusions/_violation_list.html"
    return render_page(request, page, context, fragment=fragment, status=status)


def find_exclusion(exclusion_id: int) -> Exclusion:
    return get_object_or_404(Exclusion.objects.with_sets(), pk=exclusion_id)


def named_set(exclusion: Exclusion, side: str) -> dict[str, object]:
    """The roles and the permissions of a set, for its panel."""
    roles, permissions = (getattr(exclusion, f"{kind}_{side}").all() for kind in ("roles", "permissions"))
    title = "First set" if side == "a" else "Second set"
    count = len(roles) + len(permissions)
    return {"title": title, "side": side, "roles": roles, "permissions": permissions, "count": count}


def exclusion_crumbs(exclusion: Exclusion | None, step: str = "") -> Breadcrumbs:
    """`Exclusions / name / step`; the last one has no link."""
    trail: Breadcrumbs = [("Exclusions", reverse("exclusions"))]
    if exclusion is not None:
        trail.append((exclusion.name, reverse("exclusion", args=[exclusion.pk]) if step else None))
    return [*trail, (step, None)] if step else trail
