"""Confirms the password on a page."""

from accounts.common.requests import PageRequest
from accounts.passwords import services as password_services
from accounts.sessions.browser import apply_renewal


def confirm_page_session(request: PageRequest, password: str) -> None:
    """Check the password and replace the cookie; raises a DomainError."""
    session = password_services.confirm_password(
        actor=request.user, password=password, session_id=request.page_session.pk
    )
    apply_renewal(request, session)
