"""Stored outcomes of verification runs."""

from django.db import models
from django.utils import timezone


class VerificationRun(models.Model):
    """A verification run and its findings, for pages and monitoring. It proves nothing by itself."""

    started_at = models.DateTimeField(default=timezone.now, editable=False)
    #: None while it runs, and for good if it was interrupted.
    finished_at = models.DateTimeField(null=True)
    #: The events that it took as verified, 0 for a full run; and the last event verified, by number and time.
    since = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    until = models.DateTimeField(null=True)
    #: Sentences: findings show that the log was changed; warnings deserve a look.
    findings = models.JSONField(default=list)
    warnings = models.JSONField(default=list)

    class Meta:
        db_table = "audit_verification_runs"
        default_permissions = ()
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"verification of {self.started_at:%Y-%m-%d %H:%M}"
