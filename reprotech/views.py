"""Pages that belong to no app."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from reprotech.navigation import SCHEME_COOKIE, SCHEMES
from reprotech.web.access import PUBLIC, requires
from reprotech.web.responses import safe_next_url

COOKIE_SECONDS = 365 * 24 * 3600


@requires(PUBLIC)  # a choice of colours, kept in a cookie
@require_POST
def choose_scheme(request: HttpRequest) -> HttpResponse:
    response = redirect(safe_next_url(request))
    chosen = request.POST.get("scheme")
    if chosen in SCHEMES:
        response.set_cookie(
            SCHEME_COOKIE, chosen, max_age=COOKIE_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure()
        )
    return response
