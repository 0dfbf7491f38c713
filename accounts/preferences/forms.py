from typing import cast

from django import forms

from accounts.common.forms import ServiceForm
from accounts.preferences.list_settings import Column, ListSettings
from accounts.preferences.time_zones import time_zone_choices

AS_DEVICE = "As this device"


class TimeZoneForm(ServiceForm):
    time_zone = forms.ChoiceField(
        required=False,
        label="Time zone",
        help_text="Of the times on pages. Exports, reports, the API and mails are in UTC.",
        error_messages={"invalid_choice": "Choose one of the time zones."},
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["time_zone"]).choices = [("", AS_DEVICE), *time_zone_choices()]


class ListSettingsForm(ServiceForm):
    columns = forms.MultipleChoiceField(
        required=False, error_messages={"invalid_choice": "There is no column %(value)s."}
    )
    is_compact = forms.BooleanField(required=False)

    def __init__(self, *args: object, known: tuple[Column, ...], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.known = known
        choices = [(column.name, column.label) for column in known]
        cast("forms.ChoiceField", self.fields["columns"]).choices = choices

    @property
    def settings(self) -> ListSettings:
        chosen = self.cleaned_data["columns"]
        names = tuple(column.name for column in self.known if column.name in chosen)
        return ListSettings(names, self.cleaned_data["is_compact"])
