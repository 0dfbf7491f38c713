"""The one authentication backend: it answers what a user may do."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import BaseBackend

from reprotech.core.request_context import current_principal

if TYPE_CHECKING:
    from accounts.models import User


class RoleBackend(BaseBackend):
    """Permissions are the union of the roles' permissions.

    It authenticates nobody: passwords are checked by `accounts.authentication.login`, where the lockout and the
    audit row are.
    """

    def get_user(self, user_id: Any) -> "User | None":
        """The existing user with this id."""
        from accounts.models import User

        user: User | None = User.objects.existing().filter(pk=user_id).first()
        return user

    def get_all_permissions(self, user_obj: Any, obj: object = None) -> set[str]:
        """All permission names of a user who may sign in; none for other users or for a single object.

        In a request with an API key they are no more than its scopes.
        """
        if obj is not None or not user_obj.is_authenticated or not user_obj.can_sign_in:
            return set()
        return set(current_principal().within_scopes(user_obj.grants.permissions))

    async def aget_all_permissions(self, user_obj: Any, obj: object = None) -> set[str]:
        """As `get_all_permissions`; the roles must be loaded."""
        return self.get_all_permissions(user_obj, obj)

    def has_perm(self, user_obj: Any, perm: str, obj: object = None) -> bool:
        """Whether the user holds `perm`."""
        return perm in self.get_all_permissions(user_obj, obj)
