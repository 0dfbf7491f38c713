"""E-mail messages that are still to be sent, and requests that the link in one answers."""

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from accounts.core.model_fields import AddressField
from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel, TrackedQuerySet

#: Of the link that confirms a new address.
CONFIRMATION_LIFETIME = timedelta(hours=24)


class ResetRequest(models.Model):
    """A username or address for which a password reset was requested, and the request's origin.

    The account is looked up in the background, seconds later, so that no response time shows whether there is one.
    """

    typed = models.CharField(max_length=254)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=512, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "reset_requests"
        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"reset request {self.pk}"


class EmailChange(TrackedModel):
    """A new address that its user still has to confirm. Until then the old one is used."""

    #: One at a time: a second request replaces the first, and so voids its link.
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="email_change")
    address = AddressField(max_length=254)
    requested_at = models.DateTimeField(default=timezone.now)

    objects = TrackedQuerySet["EmailChange"].as_manager()

    class Meta:
        db_table = "email_changes"
        default_permissions = ()

    def __str__(self) -> str:
        return f"new address of user {self.user_id}"

    @property
    def expires_at(self) -> datetime:
        return self.requested_at + CONFIRMATION_LIFETIME

    @property
    def is_open(self) -> bool:
        return timezone.now() < self.expires_at

    @property
    def is_present(self) -> bool:
        """Whether it is the address that the account has, which is to be confirmed."""
        return self.address == self.user.email


class OutgoingMail(TrackedModel):
    """A message in the outbox. It is rendered when it is sent: a link's token is never stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    address = models.EmailField(max_length=254)
    #: One of `accounts.notifications.messages.SUBJECTS`, and its variables.
    letter = models.CharField(max_length=40)
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    #: When it is tried next; during an attempt, when that counts as lost.
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    #: When sending was given up.
    failed_at = models.DateTimeField(null=True)

    objects = TrackedQuerySet["OutgoingMail"].as_manager()

    class Meta:
        db_table = "outgoing_mails"
        default_permissions = ()
        ordering = ("id",)
        indexes = (
            models.Index(fields=["due_at"], condition=models.Q(failed_at__isnull=True), name="outgoing_mail_due"),
        )

    def __str__(self) -> str:
        return f"{self.letter} to user {self.user_id}"
