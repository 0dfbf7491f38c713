"""Sign-ins."""

from datetime import timedelta
from uuid import uuid4

from django.db import models
from django.utils import timezone

from accounts.models.users import User
from accounts.querysets import (
    SessionQuerySet,
)

#: How long a proof of who one is counts for changes to what guards the account.
FRESH = timedelta(minutes=5)


class Session(models.Model):
    """One sign-in, by page or by token, until it is ended or expires. `sid` in every token names it."""

    class Kind(models.TextChoices):
        """How the client carries it."""

        PAGE = "page"
        TOKEN = "token"

    class EndReason(models.TextChoices):
        """Why it ended."""

        LOGOUT = "logout"
        REVOKED = "revoked"
        REFRESH_REUSE = "refresh_reuse"
        PASSWORD_CHANGED = "password_changed"
        ACCOUNT_DISABLED = "account_disabled"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=8, choices=Kind)
    created_at = models.DateTimeField(default=timezone.now)
    #: When the user last proved in it who they are, after the sign-in.
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=32, choices=EndReason, blank=True)
    #: SHA-256 (hex) of the one refresh token that is good now.
    refresh_hash = models.CharField(max_length=64, blank=True)
    #: {hash: when it was spent, seconds since 1970} of the last few seconds' spent refresh tokens.
    spent_refresh_hashes = models.JSONField(default=dict, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        db_table = "sessions"
        default_permissions = ()
        indexes = (
            models.Index(fields=["user", "-last_used_at"], name="session_user_last_used"),
            models.Index(fields=["-last_used_at"], name="session_last_used"),
            models.Index(fields=["expires_at"], name="session_expires"),
            # Whether a user signed in from an address before is asked at each sign-in.
            models.Index(fields=["user", "ip_address", "created_at"], name="session_user_address"),
        )

    def __str__(self) -> str:
        return f"{self.kind} session {self.pk}"

    @property
    def is_fresh(self) -> bool:
        """Whether it is moments ago that the user proved who they are: what guards an account may be changed."""
        return timezone.now() - (self.confirmed_at or self.created_at) < FRESH

    @property
    def is_alive(self) -> bool:
        """Neither ended nor expired."""
        return self.ended_at is None and self.expires_at > timezone.now()
