"""E-mail messages that are still to be sent."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel, TrackedQuerySet


class OutgoingMail(TrackedModel):
    """A message in the outbox. It is rendered when it is sent: a link's token is never stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    address = models.EmailField(max_length=254)
    #: One of `accounts.notifications.messages.EMAIL_TEMPLATES`, and its variables.
    letter = models.CharField(max_length=40)
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    #: When it is tried next; during an attempt, when that counts as lost.
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    #: When sending was given up.
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
