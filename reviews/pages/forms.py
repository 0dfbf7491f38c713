"""The forms of reviews: the shape of the input alone, the services decide the rest."""

from typing import Any

from django import forms

from accounts.common.forms import FormValues, ServiceForm, set_choices
from accounts.models import Role
from reviews.models import IfUnanswered, Review, ScopeKind

SCOPES = (
    (ScopeKind.ROLES, "Roles, and everybody who holds them"),
    (ScopeKind.USERS, "All accounts"),
    (ScopeKind.KEYS, "All API keys"),
    (ScopeKind.APPLICATIONS, "All applications"),
)
RECURRENCE = (("", "Once"), (1, "Every month"), (3, "Every 3 months"), (6, "Every 6 months"), (12, "Every year"))
UNANSWERED = (
    (IfUnanswered.KEEP, "Stay as they are; the review stays open until someone closes it"),
    (IfUnanswered.REMOVE, "Are removed when the last day is over"),
    (IfUnanswered.LOCK, "Lock their person when the last day is over"),
)


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _months(value: str) -> int | None:
    return int(value) if value else None


class ReviewersForm(ServiceForm):
    """Who decides, until when, and how often."""

    reviewers = forms.CharField(
        label="Reviewers",
        required=False,
        max_length=5_000,
        help_text="Usernames, separated by commas. Nobody decides about themselves: name two where that may happen.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
    )
    reviewer_role = forms.ChoiceField(
        label="Or everybody with the role", required=False, help_text="Those who hold it on that day may decide."
    )
    due = forms.DateField(label="Last day", widget=DayInput())
    every_months = forms.TypedChoiceField(
        label="How often", choices=RECURRENCE, coerce=_months, empty_value=None, required=False
    )

    def __init__(self, *args: object, review: Review | None = None, **kwargs: object) -> None:
        if review is not None:
            kwargs["initial"] = {
                "reviewers": ", ".join(sorted(person.username for person in review.reviewers.all())),
                "reviewer_role": review.reviewer_role.slug if review.reviewer_role else "",
                "due": review.due,
                "every_months": review.every_months or "",
            }
        super().__init__(*args, **kwargs)
        roles = [(role.slug, role.name) for role in Role.objects.all()]
        set_choices(self.fields["reviewer_role"], [("", "No role"), *roles])
        months = review.every_months if review else None
        if months and months not in {value for value, _ in RECURRENCE}:
            set_choices(self.fields["every_months"], [*RECURRENCE, (months, f"Every {months} months")])  # type: ignore[list-item]

    @property
    def values(self) -> FormValues:
        values = dict(self.cleaned_data)
        values["reviewers"] = [name.strip() for name in values["reviewers"].split(",") if name.strip()]
        return values


class ReviewForm(ReviewersForm):
    """A new review."""

    name = forms.CharField(max_length=80, help_text="Such as “Access to the laboratory, fourth quarter”.")
    scope_kind = forms.ChoiceField(
        label="What is reviewed", choices=SCOPES, widget=forms.RadioSelect, initial=ScopeKind.ROLES
    )
    roles = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    if_unanswered = forms.ChoiceField(
        label="Lines that nobody decides", choices=UNANSWERED, widget=forms.RadioSelect, initial=IfUnanswered.KEEP
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self.fields["roles"], [(role.slug, role.name) for role in Role.objects.all()])

    @property
    def values(self) -> FormValues:
        values = super().values
        # Ticks that the page hides belong to another choice.
        return values if values["scope_kind"] == ScopeKind.ROLES else {**values, "roles": []}
