"""The forms of applications: the shape of the input alone, the services decide the rest."""

from typing import ClassVar

from django import forms

from accounts.common.forms import RecordForm, ServiceForm, set_choices
from accounts.models import Role, User
from sso.applications.checks import find_problems
from sso.models import Application, SigningAlgorithm
from sso.models.applications import DEFAULT_TOKEN_MINUTES, MAX_TOKEN_MINUTES, MIN_TOKEN_MINUTES

KINDS = (
    (Application.Kind.CONFIDENTIAL, "Keeps a secret (server program)"),
    (Application.Kind.PUBLIC, "Can't keep a secret (browser or desktop program)"),
)
ALGORITHMS = (
    (SigningAlgorithm.RS256, "RS256: every program understands it"),
    (SigningAlgorithm.ES256, "ES256"),
    (SigningAlgorithm.EDDSA, "EdDSA"),
)
#: How long the secret that a new one replaces goes on working, at choice.
OVERLAPS = ((24, "Works for 24 more hours"), (1, "Works for 1 more hour"), (0, "Stops working at once"))


class LinesField(forms.CharField):
    """Values, one on each line."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "none", "class": "mono"})

    def clean(self, value: object) -> list[str]:
        return [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]


class ApplicationForm(RecordForm):
    """A new or an existing application; `more` are the fields that most programs need not."""

    more: ClassVar = (
        *("post_logout_redirect_uris", "backchannel_logout_uri", "service_account"),
        *("access_token_minutes", "signing_alg", "offline_access"),
    )

    name = forms.CharField(max_length=80, help_text="As people know the program, such as “Grafana”.")
    slug = forms.CharField(
        label="Short name",
        max_length=16,
        help_text="2 to 16 small letters and digits. The names of its own permissions begin with it. It can't be "
        "changed later.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
    )
    description = forms.CharField(
        max_length=200, required=False, help_text="One sentence that tells people what it is."
    )
    home_url = forms.CharField(
        label="Address",
        max_length=500,
        required=False,
        help_text="Where people open the program. With it, the program stands on their home page.",
        widget=forms.URLInput(attrs={"placeholder": "https://grafana.example.org", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(label="Kind", choices=KINDS, widget=forms.RadioSelect, initial=KINDS[0][0])
    redirect_uris = LinesField(
        label="Redirect addresses",
        max_length=20_000,
        required=False,
        help_text="One address on each line: where people go back to after they signed in. It must be the same to the "
        "letter as in the program's settings, and begin with https:// (http:// on this machine alone).",
    )
    device_grant = forms.BooleanField(
        label="Signs people in without a browser",
        required=False,
        help_text="For an instrument or a terminal that shows a code, which people type on the page /device. Leave it "
        "off for all other programs: else anybody could show people a code and be signed in as them.",
    )
    roles = forms.MultipleChoiceField(required=False)
    post_logout_redirect_uris = LinesField(
        label="Addresses after signing out",
        max_length=20_000,
        required=False,
        help_text="One address on each line: where the program may send people when they sign out.",
    )
    backchannel_logout_uri = forms.CharField(
        label="Back-channel logout address",
        max_length=500,
        required=False,
        help_text="Reprotech calls it when a person's access ends, so that the program signs them out at once.",
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
    )
    service_account = forms.ChoiceField(
        label="Service account",
        required=False,
        help_text="For a program that also acts by itself, without a person: it acts as this account.",
    )
    access_token_minutes = forms.IntegerField(
        label="Minutes until the program asks again",
        min_value=MIN_TOKEN_MINUTES,
        max_value=MAX_TOKEN_MINUTES,
        initial=DEFAULT_TOKEN_MINUTES,
        help_text="How long an access token is good for.",
    )
    signing_alg = forms.ChoiceField(label="ID tokens are signed with", choices=ALGORITHMS)
    offline_access = forms.BooleanField(
        label="May stay signed in after people sign out here",
        required=False,
        help_text="Only for programs that work for people while they are away, such as a synchronisation.",
    )

    def __init__(self, *args: object, record: Application | None = None, **kwargs: object) -> None:
        super().__init__(*args, record=record, **kwargs)
        self._application_id = record.pk if record else None
        #: The roles that open it, or may: all, since opening a program gives nobody a permission.
        self.offered_roles = list(Role.objects.all())
        set_choices(self.fields["roles"], [(role.slug, role.name) for role in self.offered_roles])
        accounts = User.objects.existing().services().order_by("username").values_list("username", flat=True)
        set_choices(self.fields["service_account"], [("", "None"), *((name, name) for name in accounts)])
        if record is not None:
            # Fixed: its permissions' names begin with the one, and programs rely on the other.
            del self.fields["slug"], self.fields["kind"]

    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        if self.errors:
            # The service isn't asked then; all that is wrong is said at once.
            for name, sentences in find_problems(values, self._application_id).items():
                for sentence in sentences:
                    self.add_error(name, sentence)
        return values

    @staticmethod
    def values_of(record: Application) -> dict[str, object]:
        return {
            **{name: getattr(record, name) for name in ("name", "description", "home_url")},
            "redirect_uris": "\r\n".join(record.redirect_uris),
            "post_logout_redirect_uris": "\r\n".join(record.post_logout_redirect_uris),
            "roles": [role.slug for role in record.roles.all()],
            "service_account": record.service_account.username if record.service_account else "",
            **{name: getattr(record, name) for name in ("backchannel_logout_uri", "signing_alg")},
            **{name: getattr(record, name) for name in ("access_token_minutes", "offline_access", "device_grant")},
        }

    @property
    def role_choices(self) -> list[tuple[Role, bool]]:
        chosen = set(self["roles"].value() or ())
        return [(role, role.slug in chosen) for role in self.offered_roles]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.more if name != "offline_access"]

    @property
    def opens_more(self) -> bool:
        """Whether the folded part is open: it has an error, or something is set there."""
        first = {"access_token_minutes": DEFAULT_TOKEN_MINUTES, "signing_alg": SigningAlgorithm.RS256}
        values = {name: self[name].value() for name in self.more}
        is_set = any(value and str(value) != str(first.get(name, "")) for name, value in values.items())
        return is_set or any(self[name].errors for name in self.more)


class NewSecretForm(ServiceForm):
    keep_old_hours = forms.TypedChoiceField(label="Old secret", choices=OVERLAPS, coerce=int, initial=24)
