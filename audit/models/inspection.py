"""What helps to inspect the log; none of it is part of the log."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class SavedFilter(models.Model):
    """A view of the audit log that someone keeps: the query of the list's address, under a name of their own."""

    NAME_LENGTH: ClassVar[int] = 50

    #: Its owner's id. No foreign key: the audit log knows no other table.
    user_id = models.BigIntegerField()
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "audit_saved_filters"
        default_permissions = ()
        ordering = ("name",)
        constraints = (models.UniqueConstraint("user_id", Lower("name"), name="audit_saved_filter_unique"),)

    def __str__(self) -> str:
        return self.name


class VerificationRun(models.Model):
    """A verification that was made, and what it found: for pages and monitoring. It proves nothing by itself."""

    started_at = models.DateTimeField(default=timezone.now, editable=False)
    #: None while it runs, and for ever if it was cut off.
    finished_at = models.DateTimeField(null=True)
    #: How many events it took as given, 0 if it looked at all; and up to which number and time it looked.
    since = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    until = models.DateTimeField(null=True)
    #: Sentences: what says that the log was changed, and what only deserves a look.
    findings = models.JSONField(default=list)
    warnings = models.JSONField(default=list)

    class Meta:
        db_table = "audit_verification_runs"
        default_permissions = ()
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"verification of {self.started_at:%Y-%m-%d %H:%M}"
