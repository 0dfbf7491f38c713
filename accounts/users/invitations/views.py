"""Pages that send an invitation again, withdraw it, or show its link once; for one user and for several."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.access.reader_rights import missing_permissions, missing_to_close, missing_to_invite
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs, get_user_or_404
from accounts.permissions import USER_UPDATE
from accounts.users import action_views, bulk, bulk_views
from accounts.users.invitations import services as invitation_services
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, requires
from reprotech.web.responses import bind_form, render_form, safe_next_url

WITHDRAWING = (
    "The link stops working at once, and the account becomes inactive. It keeps its username and roles: activate it "
    "to invite them again, or delete it if it isn't needed. They are notified by e-mail."
)

resend = action_views.confirmation_view(
    verb="Resend the invitation of",
    button="Resend invitation",
    warning="A new link to choose a password is sent to them by e-mail. Earlier links stop working.",
    success_message="invited again.",
    run=invitation_services.resend_invitation,
    missing=missing_to_invite,
)
withdraw = action_views.confirmation_view(
    verb="Withdraw the invitation of",
    button="Withdraw invitation",
    warning=WITHDRAWING,
    success_message="is no longer invited. The account is inactive.",
    run=invitation_services.withdraw_invitation,
    missing=missing_to_close,
    is_destructive=True,
)
resend_selected = bulk_views.confirmation_view(
    "Resend the invitation of",
    "A new link to choose a password is sent to each of them by e-mail. Earlier links stop working.",
    "{users} invited again.",
    bulk.resend_invitations,
    missing=missing_to_invite,
)
withdraw_selected = bulk_views.confirmation_view(
    "Withdraw the invitation of",
    WITHDRAWING,
    "Invitation of {users} withdrawn.",
    bulk.withdraw_invitations,
    missing=missing_to_close,
    is_destructive=True,
)


@requires(USER_UPDATE, FORM)
def copy_link(request: PageRequest, user_id: int) -> HttpResponse:
    """Make a link to hand over, and show it this once."""
    user = get_user_or_404(request, user_id)
    form = bind_form(ServiceForm, request)
    context = {
        "action": {
            "verb": "Make an invitation link for",
            "button": "Show link",
            "warning": "A new link to choose the password is shown once, for you to hand over. Earlier links stop "
            "working. Anyone who has the link can choose the password: the user gets an e-mail that you made it.",
        },
        "person": user,
        "beyond": missing_permissions(request.user, user),
        "next": safe_next_url(request, reverse("user", args=[user.pk])),
        "crumbs": breadcrumbs("user", user, "Invitation link"),
    }
    if request.method == "POST" and form.is_valid():
        try:
            link = invitation_services.make_invitation_link(actor=request.user, user_id=user.pk)
            # Not a redirect: the link would have to be stored until the next request.
            context |= {"link": link, "person": get_user_or_404(request, user_id)}
            return render(request, "accounts/invitation_link.html", context)
        except DomainError as refusal:
            form.add_refusal(refusal)
    return render_form(request, "accounts/user_action.html", form, context, fragment="accounts/_user_action.html")
