"""Model fields that normalize their values, wherever these come from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import models

from accounts.core.email_addresses import InvalidDomain, lookup_address, normalize_address
from accounts.core.validators import validate_person_name, validate_plain_text
from reprotech.core.normalization import normalize_text

# Generic to the type checker alone.
if TYPE_CHECKING:
    CharField = models.CharField[str, str]
    EmailField = models.EmailField[str, str]
else:
    CharField, EmailField = models.CharField, models.EmailField

Value = TypeVar("Value")


class NormalizedCharField(CharField):
    """Text in its composed form (NFC), in `clean`, in what is stored and in what is looked for."""

    def to_python(self, value: object) -> str | None:
        text: str | None = super().to_python(value)
        return None if text is None else normalize_text(text)

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        # As Django's own, so that no migration imports this class: the database sees no difference.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class PlainTextField(NormalizedCharField):
    """Text without invisible characters. The rule is the class's own, so that no migration has to import it."""

    default_validators = [validate_plain_text]


class PersonNameField(NormalizedCharField):
    """A part of a person's name, with the rule in the class as above."""

    default_validators = [validate_person_name]


class AddressField(EmailField):
    """An e-mail address with its domain as in DNS."""

    # The standard lets quoted local parts have control characters.
    default_validators = [EmailValidator("Enter a valid e-mail address."), validate_plain_text]

    def to_python(self, value: object) -> str | None:
        text: str | None = super().to_python(value)
        try:
            return None if text is None else normalize_address(text)
        except InvalidDomain:
            sentence = "No mail can be sent to this domain: it is not a valid internet name. Check its spelling."
            raise ValidationError(sentence, code="domain") from None

    def get_prep_value(self, value: object) -> object:
        # Also for lookups, which may be of what is no address.
        try:
            return super().get_prep_value(value)
        except ValidationError:
            return lookup_address(str(value))

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.EmailField", args, kwargs


def stored_form(model: type[models.Model], field: str, value: Value) -> Value:
    """A value of a model's field as it would be stored."""
    stored: Value = cast("models.Field[object, object]", model._meta.get_field(field)).get_prep_value(value)
    return stored
