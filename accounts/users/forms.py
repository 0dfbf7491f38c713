from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import cast

from django import forms
from django.conf import settings
from django.http import QueryDict

from accounts.access.reader_rights import granted_through, missing_to_assign
from accounts.common.forms import FormValues, RecordForm, ServiceForm, set_choices
from accounts.models import Role, User
from accounts.models.querysets import UserQuerySet
from accounts.passwords.fields import password_input
from accounts.passwords.validators import SHOWN_RULES
from accounts.periods.forms import PeriodForm
from accounts.roles.permission_tables import Sources, effective_access
from accounts.user_list.filters import UserQuery
from accounts.users.erasure import CANNOT_CHANGE_LOG, erasure_command_hint
from accounts.users.uniqueness import find_errors
from audit.sealing.append_only_triggers import has_update_right
from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.web.fields import DIGITS
from reprotech.web.pagination import MAX_PER_PAGE

INVITE, PASSWORD, SERVICE = "invite", "password", "service"
#: As in the model.
MAX_NAME_LENGTH = 50
PROFILE_NAMES = ("first_name", "last_name", "username", "email")
TYPE_AGAIN = "Type the password again: for safety it isn't kept while other things are corrected."
#: Each user is a transaction of its own; more of them would take a request too long.
MAX_BULK_USERS = 500


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role to choose, unless the actor is `missing` permissions that it, or the person who holds it, has."""

    role: Role
    is_chosen: bool
    missing: list[str]
    #: Names of the actor's roles that may grant it, where they don't hold what it gives.
    through: list[str]


class RoleChoicesForm(ServiceForm):
    role_field = "roles"
    #: Whose roles they are; None for several people, or one who is new.
    person: User | None = None

    def __init__(self, *args: object, actor: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        self.all_roles = list(Role.objects.with_permissions())
        set_choices(self.fields[self.role_field], [(role.slug, role.name) for role in self.all_roles])

    @property
    def chosen_access(self) -> list[tuple[str, list[Sources]]]:
        """The permissions that the ticked roles give."""
        return effective_access(choice.role for choice in self.role_choices if choice.is_chosen)

    @property
    def role_choices(self) -> list[RoleChoice]:
        chosen = self[self.role_field].value() or ()
        slugs = {chosen} if isinstance(chosen, str) else set(chosen)
        return [
            RoleChoice(
                role,
                role.slug in slugs,
                missing_to_assign(self.actor, role, self.person),
                granted_through(self.actor, role, self.person),
            )
            for role in self.all_roles
        ]

    @property
    def gives_through_roles(self) -> bool:
        """Whether a role can be chosen only because one of the actor's may grant it."""
        return any(choice.through for choice in self.role_choices)

    def grantable_slugs(self, slugs: Iterable[str]) -> list[str]:
        """Those of roles that there are and that the actor may assign."""
        wanted = set(slugs)
        named = [role for role in self.all_roles if role.slug in wanted]
        return [role.slug for role in named if not missing_to_assign(self.actor, role, self.person)]


class PasswordChoiceForm(ServiceForm):
    """A form that sends a link or, if this installation allows that, sets a password."""

    missing_password = "Give a password, or send a link."  # noqa: S105 (a sentence)
    rules = SHOWN_RULES

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not settings.ADMIN_SETS_PASSWORDS:
            access = self.fields["access"]
            choices = cast("list[tuple[str, str]]", cast("forms.ChoiceField", access).choices)
            set_choices(access, [choice for choice in choices if choice[0] != PASSWORD])
            for name in ("password", "must_change_password"):
                self.fields.pop(name, None)

    def clean(self) -> dict[str, object]:
        super().clean()
        values = self.cleaned_data
        if values.get("access") == PASSWORD and not values.get("password") and "password" not in self.errors:
            self.add_error("password", self.missing_password)
        return values

    def add_refusal(self, refusal: DomainError) -> None:
        super().add_refusal(refusal)
        self._ask_for_password_again()

    def _ask_for_password_again(self) -> None:
        """What is wrong lies elsewhere, but a password isn't sent back: an empty field must not surprise."""
        typed = self.cleaned_data.get("access") == PASSWORD and self.data.get(self.add_prefix("password"))
        if typed and self.errors and "password" not in self.errors:
            self.add_error("password", TYPE_AGAIN)


class RolesForm(RoleChoicesForm):
    roles = forms.MultipleChoiceField(
        required=False, error_messages={"invalid_choice": "There is no role %(value)s any more."}
    )


class UserForm(RolesForm, RecordForm, PeriodForm):
    first_name = forms.CharField(
        max_length=MAX_NAME_LENGTH, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    last_name = forms.CharField(
        max_length=MAX_NAME_LENGTH, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    username = forms.CharField(
        max_length=80,
        help_text="3 to 80 letters (a to z), digits and . - _ @ +",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    email = forms.CharField(label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: object, actor: User, record: User | None = None, **kwargs: object) -> None:
        super().__init__(*args, actor=actor, record=record, **kwargs)
        self.record = self.person = record
        if record is not None:
            self.show_period(record.starts_at, record.ends_at)
            if not record.is_pending:
                # What has begun stays so.
                del self.fields["begins"], self.fields["first_day"]

    def clean(self) -> dict[str, object]:
        super().clean()
        self.add_user_errors(copy(self.record) if self.record else User())
        return self.cleaned_data

    def add_user_errors(self, user: User, password: str | None = None) -> None:
        """Show all that is wrong at once; the service checks the same again."""
        for name in PROFILE_NAMES:
            setattr(user, name, self.cleaned_data.get(name, ""))
        for name, sentences in find_errors(user, password=password).items():
            # A field that is empty or too long has said so.
            if name in self.fields and name not in self.errors:
                self.add_error(name, sentences)

    @staticmethod
    def values_of(record: User) -> dict[str, object]:
        roles = [role.slug for role in record.roles.all()]
        return {**{name: getattr(record, name) for name in PROFILE_NAMES}, "roles": roles}

    @property
    def values(self) -> FormValues:
        values = super().values
        period = self.take_period(values)
        return {**values, **period}


class NewUserForm(PasswordChoiceForm, UserForm):
    missing_password = "Give a password, or send an invitation."  # noqa: S105 (a sentence)

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

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:  # of a refused form the summary has the focus
            self.fields["first_name"].widget.attrs["autofocus"] = True

    def add_user_errors(self, user: User, password: str | None = None) -> None:
        if self.cleaned_data.get("access") == PASSWORD:
            password = self.cleaned_data.get("password") or None
        super().add_user_errors(user, password)
        self._ask_for_password_again()

    @property
    def values(self) -> FormValues:
        values = super().values
        access = values.pop("access")
        if access != PASSWORD:
            # A user who chooses a password by a link need not change it.
            values |= {"password": None, "must_change_password": False}
        return {**values, "is_service": access == SERVICE}


class ResetPasswordForm(PasswordChoiceForm):
    access = forms.ChoiceField(
        label="How",
        choices=[(INVITE, "Send a link by e-mail"), (PASSWORD, "Set a password now")],
        initial=INVITE,
        widget=forms.RadioSelect,
    )
    password = password_input(
        "New password", "new-password", required=False, help_text="It must be changed at the next sign-in."
    )


class UserIdsField(forms.Field):
    widget = forms.MultipleHiddenInput

    def clean(self, value: list[str] | None) -> list[int]:
        ids = [int(typed) for typed in value or [] if DIGITS.fullmatch(typed)]
        if len(ids) > MAX_PER_PAGE:
            raise forms.ValidationError(f"Select at most {MAX_PER_PAGE} users at once.")
        return ids


class MatchingField(forms.Field):
    """The filters of the list, such as `?role=viewer`, which stand for all users that match."""

    widget = forms.HiddenInput

    def clean(self, value: str | None) -> UserQuery | None:
        if not value:
            return None
        try:
            return UserQuery.parse(QueryDict(value.removeprefix("?")))
        except ValidationFailed:
            raise forms.ValidationError("These filters are invalid. Start again from the list.") from None


class SelectionForm(ServiceForm):
    user = UserIdsField(required=False)
    matching = MatchingField(required=False)
    #: The `selection_digest` of the users whom the confirmation page showed.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, object]:
        super().clean()
        if not self.errors and not self.cleaned_data["user"] and self.cleaned_data["matching"] is None:
            self.add_error("user", "Select at least one user.")
        return self.cleaned_data

    def users(self, visible: UserQuerySet) -> UserQuerySet:
        matching: UserQuery | None = self.cleaned_data["matching"]
        return matching.apply(visible) if matching else visible.filter(pk__in=self.cleaned_data["user"])


class BulkRoleForm(RoleChoicesForm, SelectionForm):
    role_field = "role"
    role = forms.ChoiceField(error_messages={"required": "Choose a role."})

    def clean_role(self) -> Role:
        return next(role for role in self.all_roles if role.slug == self.cleaned_data["role"])


class UploadForm(ServiceForm):
    file = forms.FileField(
        label="CSV file",
        help_text="Drop it into the field, or choose it.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
        widget=forms.FileInput(
            attrs={
                "accept": ".csv,.tsv,.txt,text/csv,text/tab-separated-values,text/plain",
                "class": "drop-field",
            }
        ),
    )
    ignore_unknown_columns = forms.BooleanField(
        label="Leave out other columns",
        required=False,
        help_text="Unknown columns, such as a department, are refused unless this is ticked.",
    )


class DeleteUserForm(ServiceForm):
    erase = forms.BooleanField(
        label="Also erase their personal data, because they asked for it",
        required=False,
        help_text="Names, addresses and clients go from the account and from every event of the audit log, which then "
        "says “an erased person” and a number. What was done to whom, and when, stays provable.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not has_update_right():
            self.fields["erase"].help_text = f"{CANNOT_CHANGE_LOG} {erasure_command_hint('USERNAME')}"
            # Only the widget: a field that is disabled would drop the wish, and delete the account without erasing.
            self.fields["erase"].widget.attrs["disabled"] = True
