"""Applications, and who is signed in to them, in Django admin. New ones are created on their page or by the API."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.common.forms import FormValues
from accounts.models import User
from reprotech.web.admin import ReadOnlyAdmin, ServiceAdmin, ServiceForm
from sso.applications import services
from sso.models import Application, AppSignIn, LogoutNotice, SigningKey
from sso.models.querysets import ApplicationQuerySet
from sso.permissions import SETTINGS_READ, SETTINGS_UPDATE


class LinesField(forms.CharField):
    """A list of texts, one in each line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return [line for line in str(super().clean(value)).splitlines() if line.strip()]


class ApplicationAdminForm(ServiceForm):
    redirect_uris = LinesField(label="Redirect URIs", required=False, help_text="One in each line.")
    post_logout_redirect_uris = LinesField(
        label="Post-logout redirect URIs", required=False, help_text="One in each line."
    )

    class Meta:
        model = Application
        fields = (
            *("name", "description", "home_url", "redirect_uris", "post_logout_redirect_uris"),
            *("backchannel_logout_uri", "roles", "signing_alg", "offline_access", "device_grant"),
            *("access_token_minutes", "service_account", "is_active"),
        )
        widgets = {"roles": forms.CheckboxSelectMultiple}
        help_texts = {"roles": "Roles that open it. Without any, everybody may."}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        accounts: Any = self.fields["service_account"]
        accounts.queryset = User.objects.existing().services()

    def call_service(self, values: FormValues) -> Application:
        account = values.pop("service_account")
        return services.update_application(
            actor=self.actor,
            application_id=self.instance.pk,
            roles=[role.name for role in values.pop("roles")],
            service_account=account.username if account else "",
            **values,
        )


@admin.register(Application)
class ApplicationAdmin(ServiceAdmin):
    form = ApplicationAdminForm
    permissions = {"view": SETTINGS_READ, "change": SETTINGS_UPDATE, "delete": SETTINGS_UPDATE}
    list_display = ("name", "slug", "kind", "client_id", "is_active", "created_at")
    list_filter = ("kind", "is_active", "roles")
    search_fields = ("name", "slug", "client_id")
    readonly_fields = ("client_id", "slug", "kind", "secret_created_at", "previous_secret_expires_at", "created_at")
    secret_fields = frozenset({"secret_hash", "previous_secret_hash"})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        return cast("ApplicationQuerySet", super().get_queryset(request)).visible_to(request.user)

    def delete_model(self, request: HttpRequest, obj: Application) -> None:
        services.delete_application(actor=request.user, application_id=obj.pk)


@admin.register(AppSignIn)
class AppSignInAdmin(ReadOnlyAdmin):
    list_display = ("application", "user", "created_at", "last_used_at", "ended_at", "end_reason")
    list_filter = ("application", "end_reason")
    search_fields = ("user__username",)
    list_select_related = ("application", "user")
    exclude = ("code_hash", "code_challenge", "nonce", "access_hash", "refresh_hash", "refresh_family_hash")
    secret_fields = frozenset(exclude)
    show_full_result_count = False


@admin.register(LogoutNotice)
class LogoutNoticeAdmin(ReadOnlyAdmin):
    list_display = ("program", "created_at", "due_at", "attempts", "delivered_at", "failed_at", "last_error")
    list_filter = ("application",)
    list_select_related = ("application",)

    @admin.display(description="application")
    def program(self, notice: LogoutNotice) -> str:
        # Also of one that was deleted since.
        return notice.target.name


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    list_display = ("kid", "algorithm", "created_at", "signs_from", "retired_at")
    exclude = ("private_key",)
    secret_fields = frozenset(exclude)
