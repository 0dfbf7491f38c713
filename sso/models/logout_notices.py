"""Messages to programs that a person was signed out (OpenID Connect Back-Channel Logout)."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sso.models.applications import Application
from sso.models.sign_ins import AppSignIn


class LogoutNotice(models.Model):
    """A logout token that has to be, or was, delivered to an application. The token is made when it is sent."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="logout_notices")
    sign_in = models.ForeignKey(AppSignIn, on_delete=models.CASCADE, related_name="logout_notices")
    #: The claims `sub` and `sid`.
    subject = models.UUIDField()
    sid = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    #: When it is tried next.
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "logout_notices"
        default_permissions = ()
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=["due_at"],
                condition=Q(delivered_at__isnull=True, failed_at__isnull=True),
                name="logout_notice_due",
            ),
        )

    def __str__(self) -> str:
        return f"logout notice {self.pk}"
