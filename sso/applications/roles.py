"""Applications and the roles that open them, for accounts: `accounts.roles.applications` says what each is for."""

from collections.abc import Mapping

from django.urls import reverse

from accounts.access.authorization import authorize
from accounts.models import Role
from accounts.roles.applications import Applications, OpenedApplication
from accounts.roles.assignments import role_names
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict
from sso.models import Application
from sso.permissions import SETTINGS_UPDATE


class RoleApplications(Applications):
    def names(self) -> Mapping[str, str]:
        return dict(Application.objects.values_list("slug", "name"))

    def opened_by(self, role: Role) -> list[OpenedApplication]:
        """Applications that this role opens, by name; those that are for everybody aren't among them."""
        found = Application.objects.filter(roles=role).by_name()
        return [
            OpenedApplication(application.name, reverse("application", args=[application.pk])) for application in found
        ]

    def replace_role(self, actor: Actor, role: Role, other: Role | None) -> None:
        """Part of a role's deletion, which has locked both roles."""
        opened = Application.objects.filter(roles=role).order_by("pk").select_for_update(no_key=True, of=("self",))
        applications = list(opened)
        if not applications:
            return
        if other is None:
            names = ", ".join(application.name for application in applications)
            hint = "Take it away there first, or delete it with ?reassign_to=<another role>."
            raise Conflict(f"This role opens {names}. {hint}")
        authorize(actor, SETTINGS_UPDATE)
        for application in applications:
            before = role_names(application.roles.all())
            application.roles.remove(role)
            application.roles.add(other)
            application.save()  # a new version
            record(
                actor=actor,
                action=Action.UPDATE,
                resource="application",
                resource_id=application.pk,
                resource_name=application.name,
                changes={"roles": (before, role_names(application.roles.all()))},
            )
