from typing import Any, cast

from django import forms
from django.http import QueryDict

from accounts.common.shortcuts import too_many_attempts_message
from accounts.models.versioning import Versioned
from reprotech.core.change_reason import FIELD as REASON
from reprotech.core.change_reason import ReasonRefused
from reprotech.core.exceptions import Conflict, DomainError, Forbidden, TooManyAttempts, ValidationFailed
from reprotech.core.request_context import current_reason

#: Cleaned values as a service's keyword arguments, each of its own type.
FormValues = dict[str, Any]
#: A field's label, its value now and the one that was typed.
Difference = tuple[str, str, str]


class ServiceForm(forms.Form):
    """A form that shows a service's refusal at the fields it names."""

    #: The refusal, when the same may be sent again after a while.
    retry: TooManyAttempts | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for name, field in self.fields.items():
            if field.required and field.error_messages["required"] == forms.Field.default_error_messages["required"]:
                field.error_messages["required"] = _missing_sentence(str(self[name].label), field)

    @property
    def error_links(self) -> list[tuple[str, str, str]]:
        """For the summary above a refused form: each faulty field's id, its label and what is wrong."""
        return [
            (field.id_for_label or field.auto_id, str(field.label), str(sentence))
            for field in self.visible_fields()
            for sentence in field.errors
        ] + [(current_reason().field_id, "Reason", str(sentence)) for sentence in self._reason_errors]

    @property
    def has_optional_fields(self) -> bool:
        """Whether required and optional fields stand together, so that the optional ones need a mark."""
        return len({field.field.required for field in self.visible_fields()}) > 1

    def add_lockout(self, refusal: TooManyAttempts) -> None:
        """Show for how long people can't sign in."""
        self.retry = refusal
        self.add_error(None, too_many_attempts_message(refusal))

    @property
    def _reason_errors(self) -> list[str]:
        """Of the field of every form (components/reason_field.html), unless this one has one of its own."""
        return [] if REASON in self.fields else [str(sentence) for sentence in self.errors.get(REASON, ())]

    def add_refusal(self, refusal: DomainError) -> None:
        if isinstance(refusal, ReasonRefused) and REASON not in self.fields:
            self.errors[REASON] = self.error_class(refusal.errors[REASON])
            return
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


def _missing_sentence(label: str, field: forms.Field) -> str:
    """Such as "Enter the username.": what to do, where Django says that "this" is required."""
    if isinstance(field, forms.BooleanField):
        return "Tick this to continue."
    verb = "Choose" if isinstance(field, forms.ChoiceField | forms.FileField) else "Enter"
    name = label if label[1:2].isupper() else label[:1].lower() + label[1:]
    if name == "e-mail":
        name = "e-mail address"
    return f"{verb} the {name}."


class RecordForm(ServiceForm):
    """A form for a new or an existing record; it remembers the version that it was filled from."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: object, record: Versioned | None = None, **kwargs: object) -> None:
        if record is not None:
            kwargs["initial"] = {**self.values_of(record), "version": record.version}
        super().__init__(*args, **kwargs)
        if record is None:
            del self.fields["version"]
        #: Filled by `catch_up` after an edit conflict.
        self.differences: list[Difference] = []

    @staticmethod
    def values_of(record: Any) -> dict[str, object]:
        raise NotImplementedError

    @property
    def values(self) -> FormValues:
        values = dict(self.cleaned_data)
        version = values.pop("version", "")
        return {**values, "expected_versions": [version]} if version else values

    def catch_up(self, record: Versioned) -> None:
        """After an edit conflict: show what changed meanwhile, and let the next submission overwrite it."""
        # The data of a request can't be changed.
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = record.version
        compared = [
            difference(self[name], value) for name, value in self.values_of(record).items() if name in self.fields
        ]
        self.differences = [found for found in compared if found]


def difference(field: forms.BoundField, now: Any) -> Difference | None:
    """The stored and the submitted value, if they differ; of several choices those that only one of them has."""
    label, typed = str(field.label), field.value() or ""
    if isinstance(field.field, forms.BooleanField):
        now, typed = ("yes" if value else "no" for value in (now, typed))
    if isinstance(field.field, forms.MultipleChoiceField):
        label = f"{label} in one alone"
        now, typed = (_chosen(field.field, set(one) - set(other)) for one, other in ((now, typed), (typed, now)))
    return (label, now or "none", typed or "none") if now != typed else None


def _chosen(field: forms.MultipleChoiceField, keys: set[str]) -> str:
    return ", ".join(str(name) for key, name in field.choices if key in keys)  # type: ignore[misc,union-attr]


def set_choices(field: forms.Field, choices: list[tuple[str, str]]) -> None:
    cast("forms.ChoiceField", field).choices = choices
