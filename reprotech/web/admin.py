"""Base classes of our records in Django admin: the services' rules, and one audit log instead of Django's."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as confirm_deletion
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from reprotech.core.change_reason import ReasonRefused
from reprotech.core.exceptions import Conflict, DomainError, Forbidden, StaleVersion, ValidationFailed
from reprotech.core.normalization import fold_text, normalize_text
from reprotech.web.ordering import Row

# Generic to the type checker alone.
if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyModelForm = ModelForm[Any]
else:
    AnyModelAdmin = admin.ModelAdmin
    AnyModelForm = ModelForm


class GuardedAdmin(AnyModelAdmin):
    """Records whose secret fields can't be read bit by bit, through a filter in a list's address."""

    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Under the name of the records, as our own lists, instead of a request to select one."""
        title = str(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title[:1].upper() + title[1:], **(extra_context or {})})

    def get_action_choices(
        self, request: HttpRequest, default_choices: Sequence[tuple[str, str]] = (("", "Choose an action"),)
    ) -> list[tuple[str, str]]:
        return super().get_action_choices(request, list(default_choices))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        is_folded = self.search_fields == ("search_text",)
        term = fold_text(search_term) if is_folded else normalize_text(search_term)
        return super().get_search_results(request, queryset, term)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup.partition("__")[0] not in self.secret_fields and super().lookup_allowed(lookup, value, request)

    def history_view(
        self,
        request: HttpRequest,  # noqa: ARG002
        object_id: str,  # noqa: ARG002
        extra_context: object = None,  # noqa: ARG002
    ) -> HttpResponse:
        """The audit log is the history."""
        return redirect("admin:audit_auditlog_changelist")


class ReadOnlyAdmin(GuardedAdmin):
    """Records that are shown and never changed here."""

    actions: Sequence[str] | None = None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """True, since the admin site lets Super Administrators in alone."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    has_change_permission = has_delete_permission = has_add_permission


class ServiceForm(AnyModelForm):
    """A form that hands its values to a service, which saves them or refuses.

    Saving happens while the form is validated: only then can a refusal be shown at its field and keep what was typed.
    """

    actor: ClassVar[Any]
    #: Of the record as the form was filled from it, so that it overwrites nobody's change unseen.
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["version"] = self.instance.version

    def call_service(self, values: dict[str, Any]) -> Model:
        """Save; may raise a DomainError."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        # Private, but the only place after `clean`: Django's own fills and validates the instance, as the service does.
        if self.errors:
            return
        try:
            self.instance = self.call_service(self._values())
        except DomainError as refusal:
            self.add_error(None, self._as_validation_error(refusal))
            if isinstance(refusal, StaleVersion):
                self._accept_current_version()

    def _values(self) -> dict[str, object]:
        values = dict(self.cleaned_data)
        version = values.pop("version", "")
        return {**values, "expected_versions": [version]} if version and self.instance.pk is not None else values

    def _accept_current_version(self) -> None:
        """Someone else changed the record meanwhile: submitting the same form again overwrites their change."""
        data = cast("QueryDict", self.data).copy()
        data[self.add_prefix("version")] = type(self.instance)._default_manager.get(pk=self.instance.pk).version
        self.data = data

    def _as_validation_error(self, refusal: DomainError) -> ValidationError:
        errors = refusal.errors if isinstance(refusal, ValidationFailed | Conflict) else {}
        by_field: dict[str, list[str]] = {}
        for field, sentences in errors.items():
            by_field.setdefault(field if field in self.fields else NON_FIELD_ERRORS, []).extend(sentences)
        return ValidationError(by_field or refusal.message)

    def save(self, commit: bool = True) -> Any:  # noqa: ARG002
        return self.instance

    def save_m2m(self) -> None:
        """Part of what the service saved."""


class ServiceAdmin(GuardedAdmin):
    """Records that are changed through services, with the same rules and audit rows as the API.

    `permissions` maps view, add, change and delete to our permission names; what is left out nobody may do, as nobody
    holds the permission "". Subclasses override `delete_model` with a call of their service.
    """

    permissions: ClassVar[dict[str, str]] = {}
    actions: Sequence[str] = ("delete_selected",)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return request.user.has_perm(self.permissions.get("view", ""))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.permissions.get("add", ""))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return request.user.has_perm(self.permissions.get("change", ""))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return request.user.has_perm(self.permissions.get("delete", ""))

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[AnyModelForm]:
        # Django makes a class for each request, so the actor is nobody else's.
        form = cast("type[ServiceForm]", super().get_form(request, obj, change=change, **kwargs))
        form.actor = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Model, form: ServiceForm, change: bool) -> None:
        """The form's service saved it."""

    def save_related(self, request: HttpRequest, form: ServiceForm, formsets: object, change: bool) -> None:
        """The form's service saved them."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Forbidden as refusal:
            raise PermissionDenied(refusal) from refusal  # a denial is a 403 everywhere
        except ReasonRefused:
            raise  # it is asked for
        except DomainError as refusal:
            messages.error(request, refusal.message)
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)

    @admin.action(description="Delete selected %(verbose_name_plural)s", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Model]) -> HttpResponseBase | None:
        """After Django's confirmation, each by the service with its audit row; Django's own deletes them in bulk."""
        if not request.POST.get("post"):
            return confirm_deletion(self, request, queryset)
        done = self.for_each(request, queryset, self.delete_model)
        messages.success(request, f"Deleted: {done}.")
        return None

    def for_each(
        self, request: HttpRequest, queryset: QuerySet[Row], change: Callable[[HttpRequest, Row], object]
    ) -> int:
        """Change every selected record that the rules allow, show the refusals; returns how many were changed."""
        done = 0
        for record in queryset:
            try:
                change(request, record)
                done += 1
            except ReasonRefused:
                raise  # it is missing for all of them
            except DomainError as refusal:
                messages.error(request, f"{record}: {refusal.message}")
        return done

    def get_deleted_objects(
        self, objs: Iterable[Model], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What the confirmation lists: the records themselves; nothing else is deleted with them."""
        names = [str(record) for record in objs]
        refused = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return names, {str(self.opts.verbose_name_plural): len(names)}, refused, []

    # Django's own log of the admin would repeat what the services record.

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> Any:
        """The service has recorded it."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> Any:
        """The service has recorded them."""
