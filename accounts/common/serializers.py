"""Bodies of requests and answers about accounts: their shape and nothing more."""

from typing import Any

from rest_framework import serializers

from accounts.access.required_actions import has_required_action
from accounts.core.catalogue import in_order
from accounts.models import Role, Session, User
from accounts.models.grants import in_order_of_roles
from accounts.passwords.validators import MAXIMUM_LENGTH
from reprotech.api.fields import AddressAnswer
from reprotech.api.parsers import Body, StringField, YesNoField
from reprotech.api.serialization import PageAnswer


def password_field(**options: Any) -> StringField:
    """A password exactly as typed: nothing is trimmed."""
    return StringField(max_length=MAXIMUM_LENGTH, trim_whitespace=False, **options)


def names_field(**options: Any) -> serializers.ListField:
    """A list of names of roles or permissions."""
    return serializers.ListField(child=StringField(max_length=80), max_length=200, **options)


class LoginBody(Body):
    """`POST /api/auth/login`."""

    null_is_absent = True

    username = StringField(max_length=254)
    password = password_field()
    otp = StringField(required=False, allow_blank=True, max_length=32)


class LoginMfaBody(Body):
    """`POST /api/auth/login/mfa`."""

    mfa_token = StringField(max_length=4096)
    otp = StringField(max_length=32)


class RefreshBody(Body):
    """`POST /api/auth/refresh`."""

    refresh_token = StringField(max_length=4096)


class ChangePasswordBody(Body):
    """`POST /api/auth/change-password`."""

    null_is_absent = True

    current_password = password_field()
    new_password = password_field()
    revoke_keys = YesNoField(required=False, help_text="Whether all own API keys are revoked too.")


class CreateUserBody(Body):
    """`POST /api/users`."""

    username = StringField(max_length=80)
    email = StringField(max_length=254)
    password = password_field(required=False)
    first_name = StringField(required=False, allow_blank=True, max_length=50)
    last_name = StringField(required=False, allow_blank=True, max_length=50)
    roles = names_field(required=False)
    is_active = YesNoField(required=False)
    is_service = YesNoField(required=False, help_text="Of a script or lab module: no password, API keys alone.")


class UpdateUserBody(Body):
    """`PUT` and `PATCH /api/users/{id}`: what is left out stays as it is."""

    hints = {
        "password": "Set it with POST /api/users/{id}/reset-password.",
        "permissions": "They come from the roles.",
        **dict.fromkeys(("id", "is_service", "created_at", "updated_at", "last_login"), "This can't be changed."),
    }

    username = StringField(required=False, max_length=80)
    email = StringField(required=False, max_length=254)
    first_name = StringField(required=False, allow_blank=True, max_length=50)
    last_name = StringField(required=False, allow_blank=True, max_length=50)
    roles = names_field(required=False)
    is_active = YesNoField(required=False)


class ResetPasswordBody(Body):
    """`POST /api/users/{id}/reset-password`."""

    null_is_absent = True

    password = password_field(required=False)


class CreateRoleBody(Body):
    """`POST /api/roles`."""

    name = StringField(max_length=80)
    description = StringField(required=False, allow_blank=True, max_length=200)
    permissions = names_field(required=False)
    requires_factor = YesNoField(required=False)


class UpdateRoleBody(Body):
    """`PUT` and `PATCH /api/roles/{id}`: what is left out stays as it is."""

    hints = dict.fromkeys(("id", "slug", "is_system", "user_count"), "This can't be changed.")

    name = StringField(required=False, max_length=80)
    description = StringField(required=False, allow_blank=True, max_length=200)
    permissions = names_field(required=False)
    requires_factor = YesNoField(required=False)


class MessageAnswer(serializers.Serializer[Any]):
    """An outcome in words."""

    message = serializers.CharField()


class ErasedAnswer(MessageAnswer):
    """An erased person."""

    events = serializers.IntegerField(help_text="Events of the audit log of which something was erased")


class UserAnswer(serializers.Serializer[User]):
    """A user as lists show them."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    is_active = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    status = serializers.ChoiceField(choices=User.STATUSES)
    roles = serializers.SerializerMethodField()
    is_service = serializers.BooleanField()
    must_change_password = serializers.BooleanField()
    must_add_factor = serializers.BooleanField(help_text="Whether nothing is open before a second factor is set up.")
    last_login = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_roles(self, user: User) -> list[str]:
        """Role names, in the roles' order."""
        if "grants" in vars(user):
            return list(user.grants.role_names)
        if "role_rows" in vars(user):
            return [role["name"] for role in in_order_of_roles(vars(user)["role_rows"])]
        return [role.name for role in user.roles.all()]


class SecondFactorsAnswer(serializers.Serializer[User]):
    """Whether a user has a second factor, and of which kinds."""

    enabled = serializers.SerializerMethodField()
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=User.FACTOR_KINDS), source="second_factors")

    def get_enabled(self, user: User) -> bool:
        """Whether they have one."""
        return bool(user.second_factors)


class UserDetailAnswer(UserAnswer):
    """A user with what they may do."""

    mfa = SecondFactorsAnswer(source="*", read_only=True)

    permissions = serializers.SerializerMethodField()

    def get_permissions(self, user: User) -> list[str]:
        """Permission names, in the catalogue's order."""
        return user.grants.ordered_permissions


class OwnAccountAnswer(UserDetailAnswer):
    """Who is signed in, with what they may do now: nothing while the password must be changed or a factor set up."""

    def get_permissions(self, user: User) -> list[str]:
        """What they can do in this request, in the catalogue's order; nothing before a required action is done."""
        return [] if has_required_action(user) else in_order(user.get_all_permissions())


class UserChangedAnswer(MessageAnswer):
    """An outcome, and the user as they are now."""

    user = UserDetailAnswer()


class UserListAnswer(PageAnswer):
    """A page of users."""

    users = UserAnswer(many=True)


class UserFileBody(serializers.Serializer[Any]):
    """`POST /api/users/import` as a form."""

    file = serializers.FileField()


class UsersImportedAnswer(serializers.Serializer[Any]):
    """How many users were created or, in a dry run, would be."""

    created = serializers.IntegerField()
    dry_run = serializers.BooleanField()
    ignored_columns = serializers.ListField(
        child=serializers.CharField(), help_text="Headings of the columns that were left out."
    )


class TokenAnswer(serializers.Serializer[Any]):
    """A pair of tokens, and whose they are."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good for.")
    user = OwnAccountAnswer()


class SessionAnswer(serializers.Serializer[Session]):
    """A live session."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Session.Kind.choices)
    client = serializers.CharField(source="user_agent")
    ip_address = AddressAnswer(allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When it ends if it isn't used until then.")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="When it ends at the latest.")
    current = serializers.SerializerMethodField()

    def get_current(self, session: Session) -> bool:
        """Whether the request itself came with it."""
        return bool(session.pk == self.context["current"])


class SessionListAnswer(PageAnswer):
    """A page of sessions."""

    sessions = SessionAnswer(many=True)


class SessionsEndedAnswer(MessageAnswer):
    """An outcome, and how many sessions ended."""

    ended = serializers.IntegerField()


class RoleAnswer(serializers.Serializer[Role]):
    """A role."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField(), source="permission_names")
    requires_factor = serializers.BooleanField()
    is_system = serializers.BooleanField()
    user_count = serializers.IntegerField()


class RoleListAnswer(serializers.Serializer[Any]):
    """All roles."""

    roles = RoleAnswer(many=True)


class RoleChangedAnswer(MessageAnswer):
    """An outcome, and the role as it is now."""

    role = RoleAnswer()


class PermissionAnswer(serializers.Serializer[Any]):
    """A permission."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    resource = serializers.CharField()
    action = serializers.CharField()


class PermissionListAnswer(serializers.Serializer[Any]):
    """All permissions."""

    permissions = PermissionAnswer(many=True)
