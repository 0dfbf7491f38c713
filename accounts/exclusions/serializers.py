"""Bodies of the API of exclusions."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.common.serializers import MessageAnswer, names_field
from accounts.exclusions.violations import Violation
from accounts.models import Exclusion, ExclusionException
from accounts.periods.api_fields import EndField
from reprotech.api.fields import StrictStringField
from reprotech.api.request_bodies import RequestBody
from reprotech.api.serialization import PageAnswer

SET_HELP = "Names of roles and permissions."


class StrictModeField(serializers.ChoiceField):
    """A JSON string that is one of the modes."""

    def __init__(self, **options: object) -> None:
        super().__init__(choices=Exclusion.Mode.choices, **options)  # type: ignore[arg-type]

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return str(super().to_internal_value(data))


@extend_schema_field({"type": "string", "format": "date-time"})
class RequiredEndField(EndField):
    """An end that there has to be."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.required, self.allow_null = True, False


class CreateExclusionBody(RequestBody):
    """Request body of `POST /api/exclusions`."""

    name = StrictStringField(max_length=80)
    set_a = names_field()
    set_b = names_field()
    mode = StrictModeField(required=False, help_text="`refuse`, the default, or `warn`.")
    reason = StrictStringField(
        required=False,
        allow_blank=True,
        max_length=500,
        help_text="Why nobody may hold both; people whose change is refused read it.",
    )


class UpdateExclusionBody(RequestBody):
    """`PATCH /api/exclusions/{id}`: what is left out stays as it is."""

    hints = dict.fromkeys(("id", "violations", "created_at", "updated_at"), "This can't be changed.")

    name = StrictStringField(required=False, max_length=80)
    set_a = names_field(required=False)
    set_b = names_field(required=False)
    mode = StrictModeField(required=False)
    reason = StrictStringField(required=False, allow_blank=True, max_length=500)


class AskExceptionBody(RequestBody):
    """Request body of `POST /api/exclusions/{id}/exceptions`."""

    user = StrictStringField(max_length=80, help_text="Username of the person who may hold both for a while.")
    reason = StrictStringField(max_length=500)
    ends_at = RequiredEndField(help_text="A time with its zone, or the last day; a year from now at most.")


class ExclusionAnswer(serializers.Serializer[Exclusion]):
    """An exclusion."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    set_a = serializers.ListField(child=serializers.CharField(), help_text=SET_HELP)
    set_b = serializers.ListField(child=serializers.CharField(), help_text=SET_HELP)
    mode = serializers.ChoiceField(choices=Exclusion.Mode.choices)
    reason = serializers.CharField()
    violations = serializers.IntegerField(
        help_text="People who hold something of both sets now, also with an exception; counted up to 10,001."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ExclusionListAnswer(serializers.Serializer[object]):
    exclusions = ExclusionAnswer(many=True)


class ExclusionChangedAnswer(MessageAnswer):
    """The outcome, and the exclusion after the change."""

    exclusion = ExclusionAnswer()


class ExceptionAnswer(serializers.Serializer[ExclusionException]):
    """A person who may hold both sets for a while."""

    id = serializers.IntegerField()
    user = serializers.CharField(source="user.username")
    reason = serializers.CharField()
    ends_at = serializers.DateTimeField()
    state = serializers.ChoiceField(
        choices=("asked", "approved", "ended"),
        help_text="`asked`: it waits for a second person and doesn't count yet.",
    )
    asked_by = serializers.SerializerMethodField()
    asked_at = serializers.DateTimeField()
    approved_by = serializers.SerializerMethodField()
    approved_at = serializers.DateTimeField(allow_null=True)

    def get_asked_by(self, exception: ExclusionException) -> str | None:
        return exception.asked_by.username if exception.asked_by else None

    def get_approved_by(self, exception: ExclusionException) -> str | None:
        return exception.approved_by.username if exception.approved_by else None


class ExceptionListAnswer(serializers.Serializer[object]):
    exceptions = ExceptionAnswer(many=True)


class ExceptionChangedAnswer(MessageAnswer):
    """The outcome, and the exception after the change."""

    exception = ExceptionAnswer()


class ViolationAnswer(serializers.Serializer[Violation]):
    """A person who holds something of both sets now."""

    exclusion = serializers.CharField()
    exclusion_id = serializers.IntegerField(source="rule.pk")
    mode = serializers.SerializerMethodField()
    user = serializers.CharField(source="user.username")
    user_id = serializers.IntegerField(source="user.pk")
    held_a = serializers.ListField(child=serializers.CharField())
    held_b = serializers.ListField(child=serializers.CharField())
    excepted_until = serializers.SerializerMethodField()

    def get_mode(self, violation: Violation) -> str:
        return str(Exclusion.Mode.REFUSE if violation.rule.refuses else Exclusion.Mode.WARN)

    def get_excepted_until(self, violation: Violation) -> str | None:
        """The end of the exception that allows it; null if there is none."""
        exception = violation.exception
        return exception.ends_at.isoformat().replace("+00:00", "Z") if exception else None


class ViolationListAnswer(PageAnswer):
    violations = ViolationAnswer(many=True)
