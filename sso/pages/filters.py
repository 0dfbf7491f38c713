"""Filters of the lists on the pages of applications."""

from typing import ClassVar

from django import forms
from django.db.models.functions import Lower

from accounts.models import User
from reprotech.web.fields import ChoiceParam, IntegerParam
from reprotech.web.ordering import NullableColumn
from reprotech.web.pagination import MAX_PER_PAGE, ListFilter
from sso.applications.filters import ApplicationFilter
from sso.models import Application
from sso.models.querysets import ApplicationQuerySet, AppSignInQuerySet

PAGE_SIZE = 25


class ApplicationPageFilter(ApplicationFilter):
    """The list's filters and sorts on the page, which has some more."""

    sorts: ClassVar = {
        "name": Lower("name"),
        "people": "sign_in_count",
        "last_sign_in": NullableColumn("last_sign_in_at"),
    }

    kind = ChoiceParam(*Application.Kind.values)
    per_page = IntegerParam(default=PAGE_SIZE, max_value=MAX_PER_PAGE)

    def apply(self, queryset: ApplicationQuerySet) -> ApplicationQuerySet:
        applications = super().apply(queryset)
        kind = self.value("kind")
        return applications.filter(kind=kind) if kind else applications


class SignInFilter(ListFilter):
    """A page of the sign-ins at one application, the latest first."""

    person = forms.CharField(required=False, max_length=200)
    state = ChoiceParam("now")
    per_page = IntegerParam(default=PAGE_SIZE, max_value=MAX_PER_PAGE)

    def __init__(self, data: object = None, *, reader: User) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # a QueryDict, which `parse` hands on
        self._reader = reader

    def apply(self, queryset: AppSignInQuerySet) -> AppSignInQuerySet:
        if term := self.value("person"):
            queryset = queryset.filter(user__in=User.objects.visible_to(self._reader).search(term).values("pk"))
        if self.value("state"):
            queryset = queryset.valid()
        return queryset.latest_first()
