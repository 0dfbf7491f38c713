"""Pages and fragments: one URL, one view, one context."""

from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from reprotech.core.actors import SignedInUser

UNPROCESSABLE = 422
#: The id of the page's dialog, and of the one over it that signs in again or asks for the password.
DIALOG, SESSION_DIALOG = "dialog", "session-dialog"
#: Tells the page that what was interrupted may be sent again.
SESSION_READY = "session-ready"
#: Where programs have people sign in; what is there redirects to the program.
PROGRAMS_PATH = "/oauth/"
#: Of `next`. As the parameter of a page it may become three times as long, and a redirect takes 16,384 characters.
MAX_TARGET_LENGTH, MAX_REDIRECT_LENGTH = 8_192, 16_000

FormType = TypeVar("FormType", bound=BaseForm)


class PageRequest(HttpRequest):
    """A request to a page for signed-in users, for the type checker."""

    user: SignedInUser  # type: ignore[assignment]  # the stubs name the user model, which this package doesn't know
    htmx: HtmxDetails


def htmx_of(request: HttpRequest) -> HtmxDetails:
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # HtmxMiddleware sets it
    return htmx


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asked for a part of the page: not for a boosted visit, nor to restore its history."""
    htmx = htmx_of(request)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest, page: str, context: Mapping[str, object], fragment: str | None = None, status: int = 200
) -> HttpResponse:
    """The page, or its `fragment` when htmx asked for one; the page includes the same fragment."""
    template = fragment if fragment and wants_fragment(request) else page
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted", "HX-History-Restore-Request"])
    return response


def bind_form(form: Callable[..., FormType], request: HttpRequest, **options: object) -> FormType:
    """The form, bound to the data of a POST."""
    return form(request.POST, **options) if request.method == "POST" else form(**options)


def render_form(
    request: HttpRequest,
    page: str,
    form: BaseForm,
    context: Mapping[str, object] | None = None,
    fragment: str | None = None,
) -> HttpResponse:
    """A page with a form, or its `fragment` for a dialog: 422 with errors, 429 or 503 by its `retry`."""
    context = {"form": form, **(context or {})}
    wait = getattr(form, "retry", None)
    status = UNPROCESSABLE if form.errors else 200
    if wait and not htmx_of(request):  # htmx shows the form for 422 alone
        status = wait.status
    response = render_page(request, page, context, fragment=fragment, status=status)
    if wait:
        response["Retry-After"] = str(wait.retry_after)
    return response


def htmx_redirect(request: HttpRequest, target: str, *args: object) -> HttpResponse:
    """A redirect that htmx follows as a whole page too. `target` is a URL name or a path."""
    response: HttpResponseRedirect = redirect(target, *args)
    return HttpResponseClientRedirect(response.url) if htmx_of(request) else response


def request_origin(request: HttpRequest) -> str:
    """Scheme and host by which the page was opened."""
    return f"{request.scheme}://{request.get_host()}"


def safe_next_url(request: HttpRequest, default: str = "/") -> str:
    """The parameter `next` if it is a path on this site, `default` otherwise."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    # Django's function refuses what is longer than 2,048 characters, as a program's `state` alone may be. After the
    # path nothing can lead elsewhere.
    path = target.partition("?")[0]
    # `redirect` would take a word without a slash for a URL name.
    is_ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return target if is_ours and len(target) <= MAX_TARGET_LENGTH else default


def with_next(page: str, target: str, default: str = "/") -> str:
    """The path of a page that leads on to `target`, which it need not name if it leads there anyway."""
    longer = f"{page}?{urlencode({'next': target})}"
    return page if target == default or len(longer) > MAX_REDIRECT_LENGTH else longer


def go_on(request: HttpRequest, target: str) -> HttpResponse:
    """A redirect after a form to a path of `safe_next_url`, by way of a page of its own if a program is next."""
    if htmx_of(request):
        return HttpResponseClientRedirect(target)
    return leave_for(request, target, program_at(target)) if target.startswith(PROGRAMS_PATH) else redirect(target)


class Programs:
    """What programs are called, which single sign-on says: this package doesn't know it."""

    find_name: ClassVar[Callable[[str], str]] = staticmethod(lambda _target: "")


def program_at(target: str) -> str:
    """The name of the program to which a path leads; "" if it is none or unknown."""
    return Programs.find_name(target) if target.startswith(PROGRAMS_PATH) else ""


def leave_for(request: HttpRequest, address: str, program: str = "") -> HttpResponse:
    """A page that goes on to a program by itself. The caller vouches for the address."""
    # No redirect: Chromium holds all that follows a form to our `form-action 'self'`, and this ends on another site.
    address = iri_to_uri(address) or "/"  # without line breaks, which no header takes
    response = render(request, "going_on.html", {"address": address, "program": program})
    response["Refresh"] = f"0; url={address}"
    return response


def page_user(request: HttpRequest) -> str:
    """The id of the user for whom the page was made that sent this; "" if it doesn't say."""
    return request.headers.get("X-Page-User", "")


def is_session_dialog(request: HttpRequest) -> bool:
    htmx = htmx_of(request)
    return bool(htmx) and htmx.target == SESSION_DIALOG


def session_ready() -> HttpResponse:
    return HttpResponse(status=204, headers={"HX-Trigger": SESSION_READY})


def render_interruption(
    request: HttpRequest, page: str, context: Mapping[str, object], *, part: str, over_page: str = "", status: int
) -> HttpResponse:
    """A page in place of the requested one; its `part` in a dialog; or `over_page`, a dialog over a page's form."""
    htmx = htmx_of(request)
    is_dialog = bool(htmx) and htmx.target == DIALOG
    # Pages of earlier versions, which don't say whose they are, have no such dialog.
    is_over_page = bool(over_page and htmx) and not is_dialog and bool(page_user(request))
    response = render(request, part if is_dialog else over_page if is_over_page else page, context, status=status)
    if is_over_page:
        response["HX-Retarget"], response["HX-Reselect"] = f"#{SESSION_DIALOG}", "#session-content"
        response["HX-Reswap"] = "innerHTML"
    elif htmx and not is_dialog:
        response["HX-Retarget"] = response["HX-Reselect"] = "#main"
        response["HX-Reswap"] = "outerHTML show:window:top"
    return response
