"""The form of a new API key."""

from django import forms

from accounts.api_keys.services import DEFAULT_DAYS
from accounts.common.forms import ServiceForm, set_choices
from accounts.models import Permission, User

LIFETIMES = [(30, "30 days"), (90, "90 days"), (180, "half a year"), (DEFAULT_DAYS, "a year"), (730, "2 years")]


class AddressesField(forms.CharField):
    """Addresses and networks, separated by blanks, commas or newlines."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"})

    def clean(self, value: object) -> list[str]:
        return str(super().clean(value)).replace(",", " ").split()


class KeyForm(ServiceForm):
    """A key offers only permissions that its `owner` has."""

    name = forms.CharField(
        max_length=80, help_text="What will use it, such as “Balance 3, room 12”.", widget=forms.TextInput
    )
    expires_in_days = forms.TypedChoiceField(
        label="Valid for",
        choices=LIFETIMES,
        coerce=int,
        initial=DEFAULT_DAYS,
        help_text="After that, create a new key.",
    )
    scopes = forms.MultipleChoiceField(required=False)
    addresses = AddressesField(
        required=False,
        max_length=2000,
        help_text="Where it may be used: addresses or networks such as 192.0.2.7 or 192.0.2.0/24. Empty: anywhere.",
    )

    def __init__(self, *args: object, owner: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        offered = Permission.objects.grantable().filter(name__in=owner.grants.permissions)
        set_choices(self.fields["scopes"], [(entry.name, entry.description) for entry in offered])

    @property
    def chosen(self) -> list[str]:
        # Also while the form is invalid.
        return list(self["scopes"].value() or [])
