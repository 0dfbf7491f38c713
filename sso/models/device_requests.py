"""Devices without a browser that ask to be signed in (RFC 8628)."""

from django.db import models
from django.utils import timezone

from accounts.models import Session, User
from sso.models.applications import Application
from sso.models.querysets import DeviceRequestQuerySet


class DeviceRequest(models.Model):
    """A device that waits until a person types its code on the page `/device`."""

    class Decision(models.TextChoices):
        APPROVED = "approved"
        DENIED = "denied"

    #: SHA-256 (hex) of what the device polls with, and of what the person types.
    device_hash = models.CharField(max_length=64, unique=True)
    user_code_hash = models.CharField(max_length=64, db_index=True)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="device_requests")
    scope = models.CharField(max_length=200, blank=True)
    #: From where it asks, so that the person can tell their device from a stranger's.
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_polled_at = models.DateTimeField(null=True, blank=True)
    #: Seconds between two polls.
    interval = models.PositiveSmallIntegerField(default=5)
    #: Who decided, and in which session.
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    decided = models.CharField(max_length=8, choices=Decision, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects = DeviceRequestQuerySet.as_manager()

    class Meta:
        db_table = "device_requests"
        default_permissions = ()
        ordering = ("id",)
        indexes = (models.Index(fields=["expires_at"], name="device_request_expires"),)

    def __str__(self) -> str:
        return f"device request {self.pk}"
