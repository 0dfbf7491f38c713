"""Pages and fragments: one address, one view, one context."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from reprotech.core.actors import SignedInUser

UNPROCESSABLE = 422
#: The id of the page's dialog.
DIALOG = "dialog"

FormType = TypeVar("FormType", bound=BaseForm)


class PageRequest(HttpRequest):
    """A request to a page that only the signed-in reach, for the type checker."""

    user: SignedInUser  # type: ignore[assignment]  # the stubs name the user model, which this package doesn't know
    htmx: HtmxDetails


def wants_fragment(request: Any) -> bool:
    """Whether htmx asked for a part of the page: not for a boosted visit, nor to restore its history."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: Any, page: str, context: dict[str, Any], fragment: str | None = None, status: int = 200
) -> HttpResponse:
    """The page, or its `fragment` when htmx asked for one; the page includes the same fragment."""
    template = fragment if fragment and wants_fragment(request) else page
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted", "HX-History-Restore-Request"])
    return response


def bind_form(form: Callable[..., FormType], request: HttpRequest, **options: Any) -> FormType:
    """The form, with what was sent if this is a POST."""
    return form(request.POST, **options) if request.method == "POST" else form(**options)


def render_form(
    request: Any, page: str, form: BaseForm, context: dict[str, Any] | None = None, fragment: str | None = None
) -> HttpResponse:
    """A page with a form, or its `fragment` for a dialog; as 422 when the form has errors.

    When it was sent too often, or too many others are sent: 429 or 503, with Retry-After.
    """
    context = {"form": form, **(context or {})}
    wait = getattr(form, "retry", None)
    status = UNPROCESSABLE if form.errors else 200
    if wait and not request.htmx:  # which shows the form for 422 alone
        status = wait.status
    response = render_page(request, page, context, fragment=fragment, status=status)
    if wait:
        response["Retry-After"] = str(wait.retry_after)
    return response


def htmx_redirect(request: Any, target: str, *args: Any) -> HttpResponse:
    """A redirect that htmx follows as a whole page too. `target` is a URL name or a path."""
    response: HttpResponseRedirect = redirect(target, *args)
    return HttpResponseClientRedirect(response.url) if request.htmx else response


def safe_next_url(request: HttpRequest, default: str = "/") -> str:
    """Where `next` leads, if that is an address of this site, from its root; `default` otherwise."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    # A word alone would be looked up as the name of an address, which it needn't be.
    is_ours = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if is_ours else default


def render_interruption(request: Any, page: str, context: dict[str, Any], fragment: str, status: int) -> HttpResponse:
    """Another page than was asked for, whatever part of that htmx wanted; its `fragment` for a dialog."""
    is_dialog = bool(request.htmx) and request.htmx.target == DIALOG
    response = render(request, fragment if is_dialog else page, context, status=status)
    if request.htmx and not is_dialog:
        response["HX-Retarget"] = response["HX-Reselect"] = "#main"
        response["HX-Reswap"] = "outerHTML show:window:top"
    return response
