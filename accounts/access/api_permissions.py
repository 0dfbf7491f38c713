"""What an API view declares, and the class that enforces it."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.access.authorization import Target
from accounts.access.required_actions import refuse_required_action
from accounts.core.exceptions import ApiKeyNotAllowed, TokenMissing
from accounts.models import ApiKey
from audit.authorization import record_denial
from reprotech.core.exceptions import Forbidden
from reprotech.web.access import PUBLIC, SIGNED_IN, SIGNED_IN_TO_CHANGE_PASSWORD

if TYPE_CHECKING:  # it imports this class by its settings
    from rest_framework.views import APIView


class DeclaredPermission(BasePermission):
    """Enforce the view's `required_permissions`: `{action: permission name, or a mark of reprotech.web.access}`.

    An action that declares nothing is denied to everyone. An action for all signed-in users is about their own account,
    and closed to API keys unless `open_to_keys` names it.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return True, or raise TokenMissing, a required action, ApiKeyNotAllowed or Forbidden (recorded)."""
        action = getattr(view, "action", "")
        if action is None:
            return True  # no such method: DRF answers 405
        access = getattr(view, "required_permissions", {}).get(action)
        if access == PUBLIC:
            return True
        user, is_by_key = request.user, isinstance(request.auth, ApiKey)
        if not user.is_authenticated:
            raise TokenMissing
        # A key can't do the required action, so nothing is open to it before.
        refuse_required_action(user, SIGNED_IN if is_by_key else access or "")
        if access in (SIGNED_IN, SIGNED_IN_TO_CHANGE_PASSWORD):
            if is_by_key and action not in getattr(view, "open_to_keys", ()):
                raise ApiKeyNotAllowed
            return True
        if access is not None and user.has_perm(access):
            return True
        denial = Forbidden(access or "undeclared", Target.named_in(view.kwargs))
        record_denial(user, denial)
        raise denial
