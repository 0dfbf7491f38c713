"""The forms of the page that brings people up to date with a list."""

from django import forms

from accounts.common.forms import ServiceForm
from accounts.onboarding.options import DEFAULT_LIST, MAX_LIST_LENGTH, UPDATE, ImportOptions, read_options
from accounts.periods.forms import DayField
from accounts.users.csv.days import DAY_FIRST, MONTH_FIRST
from accounts.users.forms import UploadForm
from reprotech.core.exceptions import ValidationFailed


class ListOptionsForm(ServiceForm):
    """What is chosen before the file is read; it comes back with the confirmation."""

    list = forms.CharField(
        label="Name of the list",
        max_length=MAX_LIST_LENGTH,
        initial=DEFAULT_LIST,
        help_text="The same every month: who stood in an earlier file of this list, and is missing, has left.",
    )
    with_roles = forms.BooleanField(
        label="Give and take roles as the file says",
        required=False,
        help_text="Otherwise its column of roles is left out: nobody gets or loses a role.",
    )
    leavers = forms.BooleanField(
        label="Let the accounts end of those who left",
        required=False,
        help_text="You see who they are, and choose, before anything happens. Nobody is deleted.",
    )
    last_day = DayField(
        label="Their last day",
        required=False,
        help_text="Today, if it is empty.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day that exists, as 2027-01-31."},
    )
    day_order = forms.ChoiceField(
        label="Days such as 02/03/2027",
        required=False,
        choices=[("", "Read them if they are clear"), (DAY_FIRST, "Day first"), (MONTH_FIRST, "Month first")],
        help_text="2027-03-02 and days after the 12th are clear.",
    )

    def options(self, ticked: frozenset[int] | None = None, confirmed: int | None = None) -> ImportOptions:
        """Of a valid form. Raises ValidationFailed."""
        values = self.cleaned_data
        leavers = values["leavers"]
        return read_options(
            mode=UPDATE,
            source=values["list"],
            leavers=leavers,
            last_day=values["last_day"] if leavers else None,
            ticked=ticked,
            confirmed=confirmed if leavers else None,
        )


class ListForm(ListOptionsForm):
    file = UploadForm.base_fields["file"]
    field_order = ("file", "list", "with_roles", "leavers", "last_day", "day_order")


class ConfirmationForm(ListOptionsForm):
    """What was shown, with what was ticked of it. Nothing of it is kept on the server."""

    text = forms.CharField(strip=False, widget=forms.HiddenInput, required=False)
    filename = forms.CharField(widget=forms.HiddenInput, required=False)
    confirm_leavers = forms.IntegerField(
        label="How many accounts end",
        required=False,
        min_value=0,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 6}),
        error_messages={"invalid": "Enter the number of ticks."},
    )

    def add_refusal_of_number(self, refusal: ValidationFailed | str) -> None:
        self.add_error("confirm_leavers", str(refusal))
