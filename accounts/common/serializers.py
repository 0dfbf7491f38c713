"""Request and response bodies that the APIs of accounts share."""

from rest_framework import serializers

from accounts.models import RoleGrant, User
from accounts.models.grants import sort_role_rows
from reprotech.api.fields import StrictStringField


def names_field(*, required: bool = True) -> serializers.ListField:
    return serializers.ListField(child=StrictStringField(max_length=80), max_length=200, required=required)


class ConflictAnswer(serializers.Serializer[object]):
    """What someone would hold, or holds now, that an exclusion keeps apart."""

    exclusion = serializers.CharField()
    user = serializers.CharField(allow_null=True, help_text="Null for callers who may not read users.")
    held = serializers.ListField(child=serializers.CharField())
    added = serializers.ListField(child=serializers.CharField())


class WarningAnswer(serializers.Serializer[object]):
    """What an exclusion warns of."""

    message = serializers.CharField()
    conflicts = ConflictAnswer(many=True, help_text="Ten at most.")
    total = serializers.IntegerField()


class MessageAnswer(serializers.Serializer[object]):
    """The outcome as a sentence for people."""

    message = serializers.CharField()
    warnings = WarningAnswer(many=True, required=False, help_text="Of a change that goes against an exclusion.")


class UserAnswer(serializers.Serializer[User]):
    """A user as lists show them."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    is_active = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    status = serializers.ChoiceField(
        choices=User.STATUSES,
        help_text=(
            "`invited`: may sign in, and has not chosen a password yet; `pending`: begins at `starts_at`; `ended`: at "
            "`ends_at`."
        ),
    )
    starts_at = serializers.DateTimeField(allow_null=True, help_text="When the account begins; null: it has begun.")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="When the account ends; null: it has no end.")
    roles = serializers.SerializerMethodField(help_text="The roles that are held now.")
    is_service = serializers.BooleanField()
    must_change_password = serializers.BooleanField()
    must_add_factor = serializers.BooleanField(help_text="Whether nothing is open before a second factor is set up.")
    has_second_factor = serializers.SerializerMethodField()
    invited_at = serializers.DateTimeField(
        allow_null=True, help_text="When the link was sent that an invited user can use; null if there is none."
    )
    invitation_expires_at = serializers.DateTimeField(allow_null=True, help_text="When that link ends.")
    last_login = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_has_second_factor(self, user: User) -> bool:
        return bool(user.factor_kinds)

    def get_roles(self, user: User) -> list[str]:
        # Whichever of these the queryset has loaded.
        if "grants" in vars(user):
            return list(user.grants.role_names)
        if "role_rows" in vars(user):
            return [role["name"] for role in sort_role_rows(vars(user)["role_rows"])]
        return [role.name for role in user.roles.all()]


class RoleGrantAnswer(serializers.Serializer[RoleGrant]):
    """A role given to a user, which they hold now or will later."""

    role = serializers.CharField(source="role.name")
    starts_at = serializers.DateTimeField(allow_null=True, help_text="Null: it held from the moment it was given.")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="The first moment without it; null: no end.")
    granted_by = serializers.CharField(
        source="granted_by.username", default=None, allow_null=True, help_text="Null: the system, or not on record."
    )
    granted_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


class SecondFactorsAnswer(serializers.Serializer[User]):
    """Whether two-factor authentication is on, and by which methods."""

    enabled = serializers.SerializerMethodField()
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=User.FACTOR_KINDS), source="second_factors")

    def get_enabled(self, user: User) -> bool:
        return bool(user.factor_kinds)


class UserDetailAnswer(UserAnswer):
    """A user with two-factor authentication and permissions."""

    mfa = SecondFactorsAnswer(source="*", read_only=True)

    permissions = serializers.SerializerMethodField()

    def get_permissions(self, user: User) -> list[str]:
        return user.grants.ordered_permissions
