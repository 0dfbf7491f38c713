"""Filters of lists that users saved."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class SavedFilter(models.Model):
    """A user's named view of a list: the query string of the list's address."""

    NAME_LENGTH: ClassVar[int] = 50

    #: Its owner's id. No foreign key: the audit log knows no other table.
    user_id = models.BigIntegerField()
    #: Of the list.
    list_name = models.CharField(max_length=20, default="audit", db_default="audit")
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.CharField(max_length=2000)
    #: Why it can't be opened any more; not stored.
    problem = ""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "audit_saved_filters"
        default_permissions = ()
        ordering = ("name",)
        constraints = (models.UniqueConstraint("user_id", Lower("name"), name="audit_saved_filter_unique"),)

    def __str__(self) -> str:
        return self.name
