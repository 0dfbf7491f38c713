"""Stored outcomes of verification runs."""

from django.db import models
from django.utils import timezone


class VerificationRun(models.Model):
    """A verification run and its findings, for pages and monitoring. It proves nothing by itself."""

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
