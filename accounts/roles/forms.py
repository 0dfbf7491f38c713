from django import forms

from accounts.common.forms import FormValues, RecordForm, ServiceForm, set_choices
from accounts.models import Permission, Role, User
from accounts.roles.granting import grantable_roles
from reprotech.web.fields import DIGITS


class SourceField(forms.Field):
    """The role that a new one is a clone of, to compare with; None if there is none, or none any more."""

    widget = forms.HiddenInput

    def clean(self, value: object) -> Role | None:
        is_id = DIGITS.fullmatch(str(value or ""))
        return Role.objects.with_permissions().filter(pk=int(str(value))).first() if is_id else None


class RoleForm(RecordForm):
    """A role's name, description and permissions; of a system role some are read-only."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(
        max_length=200, required=False, help_text="One sentence that tells administrators who should have this role."
    )
    requires_factor = forms.BooleanField(
        label="Requires two-factor authentication",
        required=False,
        help_text="Users with the role must set up an authenticator app or a passkey.",
    )
    is_requestable = forms.BooleanField(
        label="People may ask for it",
        required=False,
        help_text="Everyone who signs in can read its name and description then, and ask for it with a reason.",
    )
    permissions = forms.MultipleChoiceField(required=False)
    may_grant = forms.MultipleChoiceField(
        label="May also give",
        required=False,
        help_text="People with this role may give these to others, and take them, without holding what they give.",
    )

    source = SourceField(required=False)

    def __init__(self, *args: object, actor: User, record: Role | None = None, **kwargs: object) -> None:
        super().__init__(*args, record=record, **kwargs)
        self.grantable_roles = grantable_roles(record) if actor.is_super_administrator else []
        if self.grantable_roles:
            set_choices(self.fields["may_grant"], [(role.slug, role.name) for role in self.grantable_roles])
        else:
            del self.fields["may_grant"]
        # Retired ones too: the service refuses them, unless the role holds them.
        names = Permission.objects.values_list("name", flat=True)
        set_choices(self.fields["permissions"], [(name, name) for name in names])
        if record is not None:
            del self.fields["source"]
            # The groups of programs would have to be renamed else.
            self.fields["name"].help_text = f"Programs know it as {record.slug}, also when it is renamed."
        if record is not None and record.is_system:
            self.fields["name"].disabled = True
            self.fields["name"].help_text = "The name of a system role is fixed."
            self.fields["permissions"].disabled = self.fields["is_requestable"].disabled = record.is_super_admin

    @staticmethod
    def values_of(record: Role) -> dict[str, object]:
        return {
            "name": record.name,
            "description": record.description,
            "requires_factor": record.requires_factor,
            "is_requestable": record.is_requestable,
            "permissions": record.permission_names,
            "may_grant": [role.slug for role in record.may_grant.all()],
        }

    @property
    def values(self) -> FormValues:
        values = super().values
        values.pop("source", None)
        return values

    @property
    def cloned_role(self) -> Role | None:
        return self.fields["source"].clean(self["source"].value()) if "source" in self.fields else None

    @property
    def may_grant_choices(self) -> list[tuple[Role, bool]]:
        """Each role that may be chosen, and whether it is; none where the field isn't offered."""
        chosen = self["may_grant"].value() or () if "may_grant" in self.fields else ()
        return [(role, role.slug in chosen) for role in self.grantable_roles]

    @property
    def chosen(self) -> list[str]:
        # Also while the form is invalid.
        return list(self["permissions"].value() or [])


class DeleteRoleForm(ServiceForm):
    reassign_to = forms.ChoiceField(label="Give its users this role instead")

    def __init__(self, *args: object, others: list[Role], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "Choose a role"), *((role.slug, role.name) for role in others)]
        set_choices(self.fields["reassign_to"], choices)
