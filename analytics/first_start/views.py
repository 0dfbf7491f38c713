from django.contrib import messages
from django.http import HttpResponse

from accounts.common.requests import PageRequest
from accounts.permissions import SETTINGS_UPDATE
from analytics.first_start import services
from reprotech.core.exceptions import DomainError
from reprotech.web.access import POST, requires
from reprotech.web.responses import htmx_redirect


@requires(SETTINGS_UPDATE, POST)
def send_test_mail(request: PageRequest) -> HttpResponse:
    try:
        address = services.send_test_mail(actor=request.user)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"Test mail sent to {address}. Look whether it arrives.")
    return htmx_redirect(request, "home")


@requires(SETTINGS_UPDATE, POST)
def dismiss(request: PageRequest) -> HttpResponse:
    services.dismiss_checklist(actor=request.user)
    return htmx_redirect(request, "home")
