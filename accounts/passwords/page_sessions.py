"""Confirming the password on a page."""

from typing import Any

from accounts.passwords import services as password_services
from accounts.sessions.browser import apply_renewal


def confirm_page_session(request: Any, password: str) -> None:
    """Take the password again and give the browser a new cookie; raises a DomainError."""
    session = password_services.confirm_password(
        actor=request.user, password=password, session_id=request.page_session.pk
    )
    apply_renewal(request, session)
