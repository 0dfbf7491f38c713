"""Mails that are still to leave."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel, TrackedQuerySet


class OutgoingMail(TrackedModel):
    """A mail in the outbox. It is written when it leaves: a link's token is never stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    address = models.EmailField(max_length=254)
    #: One of `accounts.notifications.messages.EMAIL_TEMPLATES`, and what its text needs beside the user.
    letter = models.CharField(max_length=40)
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    #: When it is tried next; while someone tries, when that attempt counts as lost.
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    #: When it was given up.
    failed_at = models.DateTimeField(null=True)

    objects: ClassVar["models.Manager[OutgoingMail]"] = TrackedQuerySet.as_manager()

    class Meta:
        db_table = "outgoing_mails"
        default_permissions = ()
        ordering = ("id",)
        indexes = (
            models.Index(fields=["due_at"], condition=models.Q(failed_at__isnull=True), name="outgoing_mail_due"),
        )

    def __str__(self) -> str:
        return f"{self.letter} to user {self.user_id}"
