"""Users, roles, permissions and sessions in Django admin."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts import permissions as names
from accounts.api_keys import services as api_key_services
from accounts.common.forms import FormValues
from accounts.mfa import services as mfa_services
from accounts.models import ApiKey, Exclusion, ExclusionException, Permission, Role, Session, User
from accounts.models.querysets import RoleQuerySet, UserQuerySet
from accounts.passwords import services as password_services
from accounts.passwords.fields import password_input
from accounts.roles import services as role_services
from accounts.sessions import services as session_services
from accounts.users import services as user_services
from reprotech.web.admin import AnyModelForm, ReadOnlyAdmin, ServiceAdmin, ServiceForm

FACTOR_NAMES = {"totp": "Authenticator app", "passkey": "Passkey"}


def names_of(records: Iterable[Role | Permission]) -> list[str]:
    return [record.name for record in records]


class UserAdminForm(ServiceForm):
    #: Those that are held now: a relation of the model would have no place for the time.
    roles = forms.ModelMultipleChoiceField(Role.objects.all(), required=False, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = User
        fields = ("username", "email", "first_name", "last_name", "is_active", "roles")
        labels = {"email": "E-mail", "is_active": "Active"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.setdefault("roles", list(self.instance.roles.all()))

    def call_service(self, values: FormValues) -> User:
        values["roles"] = names_of(values["roles"])
        return user_services.update_user(actor=self.actor, user_id=self.instance.pk, **values)


class NewUserAdminForm(UserAdminForm):
    password = password_input(
        "Password", "new-password", required=False, help_text="Leave it empty to send an invitation by e-mail."
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not settings.ADMIN_SETS_PASSWORDS:
            del self.fields["password"]

    def call_service(self, values: FormValues) -> User:
        values |= {"roles": names_of(values["roles"]), "password": values.get("password") or None}
        return user_services.create_user(actor=self.actor, **values)


class ActiveFilter(admin.BooleanFieldListFilter):
    """Of the field that Django calls “is active”."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "Active"


class RoleFilter(admin.SimpleListFilter):
    """Users who hold a role now."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(role.slug, role.name) for role in Role.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:  # noqa: ARG002
        role = Role.objects.named(self.value() or "")
        return cast("UserQuerySet", queryset).in_role(role.pk) if role else queryset


@admin.register(User)
class UserAdmin(ServiceAdmin):
    form = UserAdminForm
    permissions = {
        "view": names.USER_READ,
        "add": names.USER_CREATE,
        "change": names.USER_UPDATE,
        "delete": names.USER_DELETE,
    }
    list_display = ("username", "email_address", "name", "status", "last_sign_in", "created")
    list_filter = (("is_active", ActiveFilter), "is_service", RoleFilter)
    search_fields = ("search_text",)
    readonly_fields = (
        *("status", "is_service", "two_factor"),
        *("last_sign_in", "password_changed_at", "created_at", "updated_at"),
    )
    actions = ("lock", "unlock", "send_reset_link", "reset_factors", "delete_selected")
    secret_fields = frozenset({"password"})
    show_full_result_count = False

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: object
    ) -> type[AnyModelForm]:
        if obj is None:
            kwargs["form"] = NewUserAdminForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:  # noqa: ARG002
        fields = UserAdminForm.Meta.fields
        if obj:
            return (*fields, "version", *self.readonly_fields)
        return (*fields[:2], *(["password"] if settings.ADMIN_SETS_PASSWORDS else []), *fields[2:])

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return cast("UserQuerySet", super().get_queryset(request)).visible_to(request.user)

    @admin.display(description="E-mail", ordering="email")
    def email_address(self, user: User) -> str:
        return user.email

    @admin.display(description="Name", ordering="last_name")
    def name(self, user: User) -> str:
        return f"{user.first_name} {user.last_name}".strip()

    @admin.display(description="Two-factor authentication")
    def two_factor(self, user: User) -> str:
        return ", ".join(FACTOR_NAMES[kind] for kind in user.second_factors) or "None"

    @admin.display(description="Last sign-in", ordering="last_login")
    def last_sign_in(self, user: User) -> datetime | None:
        return user.last_login

    @admin.display(description="Created", ordering="created_at")
    def created(self, user: User) -> date:
        return user.created_at.date()

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        user_services.delete_user(actor=request.user, user_id=obj.pk)

    @admin.action(description="Lock selected users", permissions=["change"])
    def lock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._change_each(request, queryset, user_services.lock_user, "Locked")

    @admin.action(description="Unlock selected users", permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._change_each(request, queryset, user_services.unlock_user, "Unlocked")

    @admin.action(description="Mail selected users a link to choose a new password", permissions=["change"])
    def send_reset_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._change_each(request, queryset, password_services.send_password_reset, "Links sent")

    @admin.action(description="Turn off two-factor authentication for selected users", permissions=["change"])
    def reset_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._change_each(request, queryset, mfa_services.reset_factors, "Two-factor authentication turned off")

    def _change_each(
        self, request: HttpRequest, queryset: QuerySet[User], service: Callable[..., object], outcome: str
    ) -> None:
        done = self.for_each(request, queryset, lambda r, user: service(actor=r.user, user_id=user.pk))
        messages.success(request, f"{outcome}: {done}.")


class RoleAdminForm(ServiceForm):
    class Meta:
        model = Role
        fields = ("name", "description", "requires_factor", "is_requestable", "permissions", "may_grant")
        widgets = {"permissions": forms.CheckboxSelectMultiple, "may_grant": forms.CheckboxSelectMultiple}
        labels = {"requires_factor": "Requires two-factor authentication", "may_grant": "May also give"}

    def call_service(self, values: FormValues) -> Role:
        values["permissions"], values["may_grant"] = names_of(values["permissions"]), names_of(values["may_grant"])
        if self.instance.pk is None:
            return role_services.create_role(actor=self.actor, **values)
        return role_services.update_role(actor=self.actor, role_id=self.instance.pk, **values)


@admin.register(Role)
class RoleAdmin(ServiceAdmin):
    form = RoleAdminForm
    permissions = {
        "view": names.ROLE_READ,
        "add": names.ROLE_CREATE,
        "change": names.ROLE_UPDATE,
        "delete": names.ROLE_DELETE,
    }
    list_display = ("name", "description", "is_system", "requires_factor", "is_requestable", "user_count")
    readonly_fields = ("slug", "is_system")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        return cast("RoleQuerySet", super().get_queryset(request)).with_user_count()

    @admin.display(description="users")
    def user_count(self, role: Role) -> int:
        return role.user_count

    def delete_model(self, request: HttpRequest, obj: Role) -> None:
        role_services.delete_role(actor=request.user, role_id=obj.pk)


@admin.register(Permission)
class PermissionAdmin(ReadOnlyAdmin):
    list_display = ("name", "description", "resource", "action")
    list_filter = ("resource",)
    search_fields = ("name", "description")


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "address", "created_at", "last_used_at", "expires_at", "ended_at", "end_reason")
    list_filter = ("kind", "end_reason")
    search_fields = ("user__username", "ip_address")
    list_select_related = ("user",)
    exclude = ("refresh_hash", "spent_refresh_hashes")
    secret_fields = frozenset(exclude)
    ordering = ("-last_used_at",)
    actions = ("end",)
    show_full_result_count = False

    @admin.display(description="IP address", ordering="ip_address")
    def address(self, session: Session) -> str | None:
        return session.ip_address

    @admin.action(description="Sign out selected sessions")
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        # Sessions that have ended already keep their reason.
        sessions = list(Session.objects.alive().filter(pk__in=queryset))
        for session in sessions:
            session_services.end_session(actor=request.user, session_id=session.pk)
        messages.success(request, f"Sessions signed out: {len(sessions)}.")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "created_by", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at")
    search_fields = ("user__username", "created_by__username", "name", "prefix")
    list_select_related = ("user", "created_by")
    exclude = ("secret_hash",)
    secret_fields = frozenset(exclude)
    actions = ("revoke",)
    show_full_result_count = False

    @admin.action(description="Revoke selected keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        # Keys that were revoked already keep their time.
        keys = list(ApiKey.objects.unrevoked().filter(pk__in=queryset))
        for key in keys:
            api_key_services.revoke_key(actor=request.user, user_id=key.user_id, key_id=key.pk)
        messages.success(request, f"Revoked: {len(keys)}.")


@admin.register(Exclusion)
class ExclusionAdmin(ReadOnlyAdmin):
    """Created and changed on its page or by the API."""

    list_display = ("name", "mode", "reason", "created_at", "updated_at")
    list_filter = ("mode",)
    search_fields = ("name",)


@admin.register(ExclusionException)
class ExclusionExceptionAdmin(ReadOnlyAdmin):
    list_display = ("exclusion", "user", "ends_at", "asked_by", "approved_by", "approved_at")
    list_filter = ("exclusion",)
    search_fields = ("user__username",)
    list_select_related = ("exclusion", "user", "asked_by", "approved_by")
