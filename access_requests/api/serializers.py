"""Request and response bodies of requests for access. `context["reader"]` is who reads."""

from rest_framework import serializers

from access_requests.asking.conflicts import NONE, Segregation
from access_requests.models import AccessRequest, State
from accounts.common.serializers import ConflictAnswer, MessageAnswer
from accounts.models import Role
from accounts.periods.api_fields import EndField
from reprotech.api.fields import StrictStringField
from reprotech.api.request_bodies import RequestBody
from reprotech.api.serialization import PageAnswer


class AskBody(RequestBody):
    """Request body of `POST /api/access-requests`."""

    role = StrictStringField(max_length=80, help_text="Its name or slug.")
    reason = StrictStringField(
        required=False, allow_blank=True, max_length=500, help_text="Required, here or in the header X-Reason."
    )
    ends_at = EndField(help_text="Until when; left out or null: no end.")


class GrantBody(RequestBody):
    """Request body of a grant."""

    ends_at = EndField(help_text="Left out: as it was asked for; it can be earlier, but not later.")
    note = StrictStringField(required=False, allow_blank=True, max_length=500, help_text="For who asked.")


class DeclineBody(RequestBody):
    """Request body of a refusal."""

    note = StrictStringField(max_length=500, help_text="Why, for who asked.")


class AskerAnswer(serializers.Serializer[object]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    full_name = serializers.CharField()


class AccessRequestAnswer(serializers.Serializer[AccessRequest]):
    """A request, as its reader may know it."""

    id = serializers.IntegerField()
    user = AskerAnswer()
    role = serializers.SerializerMethodField()
    reason = serializers.CharField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Until when it was asked for; null: no end.")
    state = serializers.ChoiceField(choices=State.choices, source="shown_state")
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="From then on an open one can't be decided any more.")
    closed_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.SerializerMethodField(help_text="Null also for readers who may not read users.")
    note = serializers.CharField()
    granted_until = serializers.DateTimeField(allow_null=True, help_text="The end that was given; null: none.")
    segregation = serializers.SerializerMethodField(
        help_text="Of an open one: `refuse` or `warn` if an exclusion does so, else empty."
    )
    conflicts = serializers.SerializerMethodField(help_text="What that is about; empty for who asked.")

    def get_role(self, request: AccessRequest) -> str:
        return request.role_label(self.context["reader"])

    def get_decided_by(self, request: AccessRequest) -> str | None:
        decider = request.decider_for(self.context["reader"])
        return decider.username if decider else None

    def get_segregation(self, request: AccessRequest) -> str:
        return self._segregation(request).mode

    def get_conflicts(self, request: AccessRequest) -> ConflictAnswer(many=True):  # type: ignore[valid-type]
        return [] if request.user_id == self.context["reader"].pk else list(self._segregation(request).conflicts)

    def _segregation(self, request: AccessRequest) -> Segregation:
        found: dict[int, Segregation] = self.context["segregation"]
        return found.get(request.pk, NONE)


class AccessRequestListAnswer(PageAnswer):
    """A page of requests."""

    requests = AccessRequestAnswer(many=True)


class AccessRequestChangedAnswer(MessageAnswer):
    """The outcome, and the request after it."""

    request = AccessRequestAnswer()


class RequestableRoleAnswer(serializers.Serializer[Role]):
    """A role that the caller may ask for."""

    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField()


class RequestableRolesAnswer(serializers.Serializer[object]):
    roles = RequestableRoleAnswer(many=True)
