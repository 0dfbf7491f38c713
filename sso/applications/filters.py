"""The filters and sorts of the list of applications, the same for the API and the page."""

from typing import ClassVar

from django import forms
from django.db.models.functions import Lower

from accounts.models import Role
from reprotech.web.fields import ChoiceParam
from reprotech.web.pagination import ListFilter
from sso.models.querysets import ApplicationQuerySet


class ApplicationFilter(ListFilter):
    """A page of applications, by name unless sorted otherwise."""

    search = forms.CharField(required=False, max_length=200)
    #: Of a role that opens it, name or slug.
    role = forms.CharField(required=False, max_length=80)
    status = ChoiceParam("active", "inactive")

    sorts: ClassVar[dict[str, str | Lower]] = {
        "name": Lower("name"),
        "slug": "slug",
        "kind": "kind",
        "is_active": "is_active",
        "created_at": "created_at",
        "updated_at": "updated_at",
    }

    def apply(self, queryset: ApplicationQuerySet) -> ApplicationQuerySet:
        applications = queryset.by_name()
        if term := self.value("search"):
            applications = applications.search(term)
        if name := self.value("role"):
            role = Role.objects.named(name)
            applications = applications.filter(roles=role.pk) if role else applications.none()
        if status := self.value("status"):
            applications = applications.filter(is_active=status == "active")
        return applications
