"""The only authentication backend: it says which permissions a user has."""

from typing import TYPE_CHECKING

from django.contrib.auth.backends import BaseBackend

from reprotech.core.request_context import within_scopes

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class RoleBackend(BaseBackend):
    """Permissions are the union of the roles' permissions.

    Passwords are checked by `accounts.authentication.login`, with the lockout and the audit event.
    """

    def get_user(self, user_id: int) -> "User | None":
        from accounts.models import User

        user: User | None = User.objects.existing().filter(pk=user_id).first()
        return user

    def get_all_permissions(self, user_obj: "User | AnonymousUser", obj: object = None) -> set[str]:
        """Permission names, within the scopes of the request's API key; none for a single object, or if the user can't
        sign in.
        """
        if obj is not None or not user_obj.is_authenticated or not user_obj.can_sign_in:
            return set()
        return set(within_scopes(user_obj.grants.permissions))

    async def aget_all_permissions(self, user_obj: "User | AnonymousUser", obj: object = None) -> set[str]:
        """The roles must be loaded."""
        return self.get_all_permissions(user_obj, obj)
