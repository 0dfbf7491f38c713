from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.permissions import USER_READ
from accounts.preferences.forms import ListSettingsForm, TimeZoneForm
from accounts.preferences.list_settings import USER_COLUMNS
from accounts.preferences.services import preferences_of, save_list_settings, save_time_zone
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, POST, SIGNED_IN, requires
from reprotech.web.responses import render_form, safe_next_url


@requires(SIGNED_IN, FORM)
def choose_time_zone(request: PageRequest) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = TimeZoneForm(data, initial={"time_zone": preferences_of(request.user).time_zone})
    if form.is_valid():
        try:
            save_time_zone(actor=request.user, time_zone=form.cleaned_data["time_zone"])
            messages.success(request, "Time zone saved.")
            return redirect("profile")
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"crumbs": [("Profile", reverse("profile")), ("Time zone", None)]}
    return render_form(request, "accounts/time_zone.html", form, context)


@requires(USER_READ, POST)
def choose_user_columns(request: PageRequest) -> HttpResponse:
    form = ListSettingsForm(request.POST, known=USER_COLUMNS)
    if form.is_valid():
        save_list_settings(actor=request.user, name="users", settings=form.settings)
    else:
        # A page from before an upgrade may offer a column that is gone.
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect(safe_next_url(request, reverse("users")))
