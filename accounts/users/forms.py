"""Forms of the users' pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from accounts.common.forms import RecordForm, ServiceForm
from accounts.models import Role, User
from accounts.models.querysets import UserQuerySet
from accounts.passwords.form_fields import password_input
from accounts.passwords.validators import SHOWN_RULES
from accounts.roles.effective_permissions import missing_permissions
from accounts.user_list.filters import UserQuery
from accounts.users.erasure import CANNOT_CHANGE_LOG, erasure_command_hint
from audit.sealing.append_only_triggers import has_update_right
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.fields import DIGITS
from reprotech.web.pagination import MAX_PER_PAGE

INVITE, PASSWORD, SERVICE = "invite", "password", "service"
#: Each change of one user is a transaction of its own; more of them than this would keep a request waiting too long.
MAX_BULK_USERS = 500


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role that can be ticked, unless it holds something that the actor is `missing`."""

    role: Role
    is_chosen: bool
    missing: list[str]


class UserForm(RecordForm):
    """Profile and roles of a user, as `actor` may set them."""

    first_name = forms.CharField(max_length=50, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    last_name = forms.CharField(max_length=50, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    username = forms.CharField(
        max_length=80,
        help_text="3 to 80 letters (a to z), digits and . - _ @ +",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    email = forms.CharField(label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    roles = forms.MultipleChoiceField(
        required=False, error_messages={"invalid_choice": "There is no role %(value)s any more."}
    )

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        self.all_roles = list(Role.objects.with_permissions())
        set_role_choices(self.fields["roles"], self.all_roles)

    @staticmethod
    def values_of(record: User) -> dict[str, Any]:
        """Profile and slugs of the roles."""
        names = ("first_name", "last_name", "username", "email")
        return {**{name: getattr(record, name) for name in names}, "roles": [role.slug for role in record.roles.all()]}

    @property
    def role_choices(self) -> list[RoleChoice]:
        """The roles as they are ticked, whether the form is right or wrong."""
        return role_choices(self.actor, self.all_roles, self["roles"].value() or [])


class NewUserForm(UserForm):
    """A new user, and how they get in for the first time."""

    access = forms.ChoiceField(
        label="First sign-in",
        choices=[
            (INVITE, "Send an invitation by e-mail"),
            (PASSWORD, "Set a password now"),
            (SERVICE, "No sign-in (service account): for scripts, uses API keys"),
        ],
        initial=INVITE,
        widget=forms.RadioSelect,
    )
    password = password_input("Password", "new-password", required=False)
    must_change_password = forms.BooleanField(label="Must change it at the first sign-in", required=False, initial=True)
    rules = SHOWN_RULES

    def clean(self) -> dict[str, Any]:
        """Ask for a password when one is to be set."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("access") == PASSWORD and not cleaned.get("password") and "password" not in self.errors:
            self.add_error("password", "Give a password, or send an invitation.")
        return cleaned

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        remove_disallowed_password_choice(self)

    @property
    def values(self) -> dict[str, Any]:
        """What `create_user` takes."""
        values = super().values
        access = values.pop("access")
        if access != PASSWORD:
            values |= {"password": None, "must_change_password": False}
        return {**values, "is_service": access == SERVICE}


class ResetPasswordForm(ServiceForm):
    """A link by mail, or a new password."""

    access = forms.ChoiceField(
        label="How",
        choices=[(INVITE, "Send a link by e-mail"), (PASSWORD, "Set a password now")],
        initial=INVITE,
        widget=forms.RadioSelect,
    )
    password = password_input(
        "New password", "new-password", required=False, help_text="It must be changed at the next sign-in."
    )
    rules = SHOWN_RULES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        remove_disallowed_password_choice(self)

    def clean(self) -> dict[str, Any]:
        """Ask for a password when one is to be set."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("access") == PASSWORD and not cleaned.get("password") and "password" not in self.errors:
            self.add_error("password", "Give a password, or send a link.")
        return cleaned


class UserIdsField(forms.Field):
    """Ids of users that were ticked in a list."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[int]:
        """The ids; raises ValidationError."""
        ids = [int(typed) for typed in value or [] if DIGITS.fullmatch(typed)]
        if len(ids) > MAX_PER_PAGE:
            raise forms.ValidationError(f"Select at most {MAX_PER_PAGE} users at once.")
        return ids


class MatchingField(forms.Field):
    """The list's filters as its address has them, `?role=viewer`: they stand for all whom they let through."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> UserQuery | None:
        """The filters, if any were given; raises ValidationError."""
        if not value:
            return None
        try:
            return UserQuery.parse(QueryDict(value.removeprefix("?")))
        except ValidationFailed:
            raise forms.ValidationError("These filters make no sense. Start again from the list.") from None


class SelectionForm(ServiceForm):
    """Several users: those that were ticked, or all that match the list's filters."""

    user = UserIdsField(required=False)
    matching = MatchingField(required=False)
    #: The digest of those who matched when the page asked.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Ask for somebody."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not cleaned["user"] and cleaned["matching"] is None:
            self.add_error("user", "Select at least one user.")
        return cleaned

    def people(self, visible: UserQuerySet) -> UserQuerySet:
        """Who is meant, among those whom the reader sees."""
        matching: UserQuery | None = self.cleaned_data["matching"]
        return matching.apply(visible) if matching else visible.filter(pk__in=self.cleaned_data["user"])


class BulkRoleForm(SelectionForm):
    """A role to give to several users, or to take from them."""

    role = forms.ChoiceField(error_messages={"required": "Choose a role."})

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        self.all_roles = list(Role.objects.with_permissions())
        set_role_choices(self.fields["role"], self.all_roles)

    @property
    def role_choices(self) -> list[RoleChoice]:
        """The roles, and which is chosen."""
        return role_choices(self.actor, self.all_roles, [self["role"].value()])

    @property
    def role_names(self) -> dict[str, str]:
        """The roles' names by their slugs."""
        return {role.slug: role.name for role in self.all_roles}


class UploadForm(ServiceForm):
    """A CSV file."""

    file = forms.FileField(
        label="CSV file",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/tab-separated-values,text/plain"}),
    )
    ignore_unknown_columns = forms.BooleanField(
        label="Leave out other columns",
        required=False,
        help_text="Columns that have no place here, such as a department, are refused unless this is ticked.",
    )


class DeleteUserForm(ServiceForm):
    """Whether a deleted user's data goes too."""

    erase = forms.BooleanField(
        label="Also erase their personal data, because they asked for it",
        required=False,
        help_text="Names, addresses and clients go from the account and from every event of the audit log, which then "
        "says “an erased person” and a number. What was done to whom, and when, stays provable.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_update_right():
            self.fields["erase"].help_text = f"{CANNOT_CHANGE_LOG} {erasure_command_hint('USERNAME')}"
            # In the page alone: a form that is sent all the same is refused, so that nothing is half done.
            self.fields["erase"].widget.attrs["disabled"] = True


def set_role_choices(field: forms.Field, roles: Iterable[Role]) -> None:
    """Make roles the choices of a field, by their slugs."""
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)  # nosec B101
    field.choices = [(role.slug, role.name) for role in roles]


def remove_disallowed_password_choice(form: forms.Form) -> None:
    """Leave a form the choice to set a password only where this installation allows that."""
    if settings.ADMIN_SETS_PASSWORDS:
        return
    access = form.fields["access"]
    assert isinstance(access, forms.ChoiceField)  # noqa: S101 (for the type checker)  # nosec B101
    access.choices = [choice for choice in access.choices if choice[0] != PASSWORD]  # type: ignore[misc,union-attr,index]
    for name in ("password", "must_change_password"):
        form.fields.pop(name, None)


def role_choices(actor: User, roles: Iterable[Role], chosen: Iterable[str]) -> list[RoleChoice]:
    """Roles as a list to tick, in their order."""
    ticked = set(chosen)
    return [RoleChoice(role, role.slug in ticked, missing_permissions(actor, role)) for role in roles]
