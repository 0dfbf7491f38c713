"""The forms of exclusions and their exceptions: the shape of the input alone."""

from dataclasses import dataclass

from django import forms

from accounts.common.forms import FormValues, RecordForm, ServiceForm, set_choices
from accounts.models import Exclusion, Permission, Role
from accounts.periods.validation import end_of_day, refuse_unlikely_day
from accounts.roles.application_permissions import application_groups
from accounts.roles.permission_tables import permission_matrix

MODES = (
    (Exclusion.Mode.WARN, "Warn: the change goes through, and the log says so"),
    (Exclusion.Mode.REFUSE, "Refuse: nobody can be given both"),
)
MISSING_SET = "Tick at least one role or permission."


@dataclass(frozen=True, slots=True)
class SetChoice:
    """One of the two sets: the roles and the permissions to tick."""

    field: forms.BoundField
    roles: list[tuple[Role, bool]]
    matrix: dict[str, object]
    application_groups: object
    #: How many of each are ticked.
    role_count: int
    permission_count: int


class ExclusionForm(RecordForm):
    name = forms.CharField(max_length=80, help_text="What is kept apart, such as “Entering and approving tests”.")
    #: The exclusion's reason: a form's field `reason` is that of the change.
    purpose = forms.CharField(
        label="Why nobody may hold both",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="It stands on the exclusion's page.",
    )
    mode = forms.ChoiceField(
        label="When a change would make someone hold both",
        choices=MODES,
        widget=forms.RadioSelect,
        initial=Exclusion.Mode.REFUSE,
    )
    set_a = forms.MultipleChoiceField(label="First set", error_messages={"required": MISSING_SET})
    set_b = forms.MultipleChoiceField(label="Second set", error_messages={"required": MISSING_SET})

    def __init__(self, *args: object, record: Exclusion | None = None, **kwargs: object) -> None:
        super().__init__(*args, record=record, **kwargs)
        self.all_roles = list(Role.objects.all())
        names = [role.name for role in self.all_roles] + list(Permission.objects.values_list("name", flat=True))
        for name in ("set_a", "set_b"):
            set_choices(self.fields[name], [(choice, choice) for choice in names])

    def hide_warning(self) -> None:
        """For those who may not weaken what refuses; who sends it all the same is refused by the service, in words."""
        refuse = [choice for choice in MODES if choice[0] == Exclusion.Mode.REFUSE]
        self.fields["mode"].widget.choices = refuse

    @staticmethod
    def values_of(record: Exclusion) -> dict[str, object]:
        values = {name: getattr(record, name) for name in ("name", "mode", "set_a", "set_b")}
        return {**values, "purpose": record.reason}

    @property
    def values(self) -> FormValues:
        values = super().values
        values["reason"] = values.pop("purpose")
        return values

    @property
    def sets(self) -> list[SetChoice]:
        return [self._set(self[name]) for name in ("set_a", "set_b")]

    def _set(self, field: forms.BoundField) -> SetChoice:
        chosen = set(field.value() or ())
        roles = [(role, role.name in chosen) for role in self.all_roles]
        role_count = sum(is_chosen for _, is_chosen in roles)
        return SetChoice(
            field,
            roles,
            permission_matrix(chosen),
            application_groups(chosen),
            role_count,
            len(chosen) - role_count,
        )


class ExceptionForm(ServiceForm):
    user = forms.CharField(
        label="Username",
        max_length=80,
        help_text="Of the person who may hold both for a while.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}),
    )
    ends_at = forms.DateField(
        label="Last day",
        help_text="The exception ends by itself after this day, a year from now at most.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[refuse_unlikely_day],
        error_messages={"required": "Choose the last day.", "invalid": "Enter a day that exists, as 2027-01-31."},
    )
    reason = forms.CharField(
        max_length=500,
        help_text="It stays in the audit log.",
    )

    @property
    def values(self) -> FormValues:
        """With the end of the laboratory's day as a moment."""
        return {**self.cleaned_data, "ends_at": end_of_day(self.cleaned_data["ends_at"])}
