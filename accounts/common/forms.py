"""Forms of the pages: the shape of input; the services hold the rules."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.http import QueryDict

from accounts.models import Role, User
from accounts.passwords.validators import MAXIMUM_LENGTH, SHOWN_RULES
from reprotech.core.exceptions import Conflict, DomainError, Forbidden, TooManyAttempts, ValidationFailed

#: A field's label, its value now and the one that was typed.
Difference = tuple[str, str, str]


class ServiceForm(forms.Form):
    """A form that shows a service's refusal beside its fields."""

    #: The refusal, when the same may be sent again after a while.
    retry: TooManyAttempts | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def add_refusal(self, refusal: DomainError) -> None:
        """Turn a refusal into the form's errors."""
        errors = refusal.errors if isinstance(refusal, ValidationFailed | Conflict) else {}
        for field, sentences in errors.items():
            for sentence in sentences:
                self.add_error(field if field in self.fields else None, sentence)
        if isinstance(refusal, Forbidden):
            self.add_error(None, f"This needs the permission {refusal.required}, which you don't hold.")
        elif isinstance(refusal, TooManyAttempts):
            self.retry = refusal
            self.add_error(None, refusal.sentence)
        elif not errors:
            self.add_error(None, refusal.message)


class RecordForm(ServiceForm):
    """A form for a new user or role, or for one that exists: then it knows the version that it was filled from."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, record: User | Role | None = None, **kwargs: Any) -> None:
        if record is not None:
            kwargs["initial"] = {**self.values_of(record), "version": record.version}
        super().__init__(*args, **kwargs)
        if record is None:
            del self.fields["version"]
        #: Once someone else changed the record meanwhile.
        self.differences: list[Difference] = []

    @staticmethod
    def values_of(record: Any) -> dict[str, Any]:
        """What the fields show of a record."""
        raise NotImplementedError

    @property
    def values(self) -> dict[str, Any]:
        """What the service takes."""
        values = dict(self.cleaned_data)
        version = values.pop("version", "")
        return {**values, "expected_versions": [version]} if version else values

    def catch_up(self, record: User | Role) -> None:
        """Show what became of the record meanwhile; what is sent again then starts from there."""
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = record.version
        compared = [difference(self[name], value) for name, value in self.values_of(record).items()]
        self.differences = [found for found in compared if found]


def difference(field: forms.BoundField, now: Any) -> Difference | None:
    """How a field's value now and the one that was typed differ, of several choices those that only one has."""
    label, typed = str(field.label), field.value() or ""
    if isinstance(field.field, forms.BooleanField):
        now, typed = ("yes" if value else "no" for value in (now, typed))
    if isinstance(field.field, forms.MultipleChoiceField):
        label = f"{label} in one alone"
        now, typed = (_chosen(field.field, set(one) - set(other)) for one, other in ((now, typed), (typed, now)))
    return (label, now or "none", typed or "none") if now != typed else None


def _chosen(field: forms.MultipleChoiceField, keys: set[str]) -> str:
    return ", ".join(str(name) for key, name in field.choices if key in keys)  # type: ignore[misc,union-attr]


class PasswordField(forms.CharField):
    """A password, as it was typed or pasted."""

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """No `maxlength`: a browser would cut what is pasted and say nothing. The server says what is too long."""
        attributes: dict[str, Any] = super().widget_attrs(widget)
        attributes.pop("maxlength", None)
        return attributes


def password_input(label: str, autocomplete: str, **options: Any) -> forms.CharField:
    """A password field that password managers understand."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    errors = {"max_length": f"Use at most {MAXIMUM_LENGTH} characters."}
    return PasswordField(
        label=label, widget=widget, strip=False, max_length=MAXIMUM_LENGTH, error_messages=errors, **options
    )


class LoginForm(ServiceForm):
    """Name and password."""

    username = forms.CharField(
        label="Username or e-mail",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )
    password = password_input("Password", "current-password")
    remember = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = settings.REMEMBERED_SESSION_LIFETIME.days
        #: An installation may take the choice away.
        self.may_remember = days > 0
        self.fields["remember"].label = f"Keep me signed in for {days} day{'' if days == 1 else 's'} on this device"


class ForgottenPasswordForm(ServiceForm):
    """Whose password is forgotten."""

    username = forms.CharField(
        label="Username or e-mail",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )


class NewEmailForm(ServiceForm):
    """A new address of one's own."""

    email = forms.CharField(
        label="New e-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class NewPasswordForm(ServiceForm):
    """A new password, twice."""

    POLICY = "Not your username or e-mail address, not a common password, and not one of your last 5."
    #: Shown beside the field, and ticked off while one types.
    rules = SHOWN_RULES

    new_password = password_input("New password", "new-password", help_text=POLICY)
    repeated = password_input("Repeat the new password", "new-password")

    def clean(self) -> dict[str, Any]:
        """Refuse two different passwords."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "repeated" in cleaned and cleaned["repeated"] != cleaned.get("new_password"):
            self.add_error("repeated", "The two passwords differ.")
        return cleaned


class EndSessionsForm(ServiceForm):
    """Which of one's sessions to end."""

    everywhere = forms.BooleanField(label="Sign out here too", required=False)
    revoke_keys = forms.BooleanField(label="Revoke my API keys too", required=False)


class ChangePasswordForm(NewPasswordForm):
    """The present password and a new one, twice."""

    current_password = password_input("Current password", "current-password")
    revoke_keys = forms.BooleanField(
        label="Revoke my API keys too",
        required=False,
        help_text="Do so if another person may know the old password or have one of the keys.",
    )
    field_order = ("current_password", "new_password", "repeated")
