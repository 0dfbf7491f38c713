"""Messages to programs that a person was signed out (OpenID Connect Back-Channel Logout)."""

from dataclasses import dataclass

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sso.models.applications import Application
from sso.models.sign_ins import AppSignIn


@dataclass(frozen=True, slots=True)
class Target:
    """The program that a notice is for."""

    name: str
    address: str
    signing_alg: str


class LogoutNotice(models.Model):
    """A logout token that has to be, or was, delivered to an application. The token is made when it is sent."""

    #: Both may be deleted before it is delivered.
    application = models.ForeignKey(
        Application, on_delete=models.SET_NULL, null=True, blank=True, related_name="logout_notices"
    )
    sign_in = models.ForeignKey(
        AppSignIn, on_delete=models.SET_NULL, null=True, blank=True, related_name="logout_notices"
    )
    #: The claim `aud`, which no other application ever has.
    client_id = models.CharField("client ID", max_length=40, db_default="")
    #: Of an application that was deleted: what else is needed to reach it. Empty while it is there.
    name = models.CharField(max_length=80, blank=True, db_default="")
    address = models.CharField(max_length=500, blank=True, db_default="")
    signing_alg = models.CharField("signing algorithm", max_length=8, blank=True, db_default="")
    #: The claims `sub` and `sid`.
    subject = models.UUIDField()
    sid = models.CharField("session ID", max_length=64)
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

    @property
    def target(self) -> Target:
        """Where it goes now: an application may have got another address since."""
        if (application := self.application) is None:
            return Target(self.name, self.address, self.signing_alg)
        return Target(application.name, application.backchannel_logout_uri, application.signing_alg)
