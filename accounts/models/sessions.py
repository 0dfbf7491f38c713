"""Sessions of signed-in users, by page or by token."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.querysets import SessionQuerySet
from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel

#: How long a replaced cookie stays valid, for requests that the browser sent before it got the new one.
ROTATION_GRACE = timedelta(seconds=10)


class Session(TrackedModel):
    """One sign-in until it is ended or expires. `sid` in a token is its id."""

    class Kind(models.TextChoices):
        PAGE = "page"
        TOKEN = "token"
        #: At an application that stays signed in when the page session ends (`offline_access`).
        APP = "app"

    class EndReason(models.TextChoices):
        LOGOUT = "logout"
        REVOKED = "revoked"
        REFRESH_REUSE = "refresh_reuse"
        PASSWORD_CHANGED = "password_changed"
        ACCOUNT_DISABLED = "account_disabled"
        IDLE = "idle"
        AGE = "age"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=8, choices=Kind)
    created_at = models.DateTimeField(default=timezone.now)
    #: Last authentication in it: at the sign-in, or again since. None once that no longer counts.
    confirmed_at = models.DateTimeField(null=True, blank=True)
    #: How its user authenticated, at the sign-in and since: words such as "password", "totp", "passkey".
    methods = models.CharField(max_length=64, blank=True, default="", db_default="")
    last_used_at = models.DateTimeField(default=timezone.now)
    #: Idle expiry (sliding) and absolute expiry.
    expires_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    #: A page session that the browser keeps when it is closed.
    is_remembered = models.BooleanField(default=False, db_default=False)
    #: Version of a page session's cookie. Only the newest is valid.
    generation = models.PositiveIntegerField(default=0, db_default=0)
    rotated_at = models.DateTimeField(null=True, blank=True)
    #: Whether the user was notified of a sign-in from a new device.
    was_announced = models.BooleanField(default=False, db_default=False)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=32, choices=EndReason, blank=True)
    #: SHA-256 (hex) of the only valid refresh token.
    refresh_hash = models.CharField(max_length=64, blank=True)
    #: {hash: Unix time of its use} of refresh tokens used in the last few seconds.
    spent_refresh_hashes = models.JSONField(default=dict, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        db_table = "sessions"
        default_permissions = ()
        indexes = (
            models.Index(fields=["user", "-last_used_at"], name="session_user_last_used"),
            models.Index(fields=["-last_used_at"], name="session_last_used"),
            # Expired sessions are looked for every half minute; nearly all others have ended.
            models.Index(fields=["expires_at"], condition=Q(ended_at__isnull=True), name="session_unended"),
            # Each sign-in looks for earlier ones from its address.
            models.Index(fields=["user", "ip_address", "created_at"], name="session_user_address"),
        )

    def __str__(self) -> str:
        return f"{self.kind} session {self.pk}"

    @property
    def acts_by_cookie(self) -> bool:
        """Whether the browser sends its credential by itself, also when another person uses it."""
        return self.kind == self.Kind.PAGE

    @property
    def is_fresh(self) -> bool:
        """Whether the user authenticated recently, which sensitive changes require."""
        window = timedelta(minutes=settings.SUDO_MINUTES)
        return self.confirmed_at is not None and timezone.now() - self.confirmed_at < window

    @property
    def authentication_methods(self) -> list[str]:
        """Those of `methods`, in the order in which they were first used; empty for sessions of earlier versions."""
        return self.methods.split()

    def add_method(self, method: str) -> None:
        self.methods = " ".join(dict.fromkeys([*self.authentication_methods, method]))

    @property
    def is_alive(self) -> bool:
        return self.ended_at is None and self.expires_at > timezone.now()

    @property
    def lifetime(self) -> timedelta:
        """From the sign-in to its end at the latest."""
        if self.kind in {self.Kind.TOKEN, self.Kind.APP}:
            return settings.TOKEN_SESSION_LIFETIME
        return settings.REMEMBERED_SESSION_LIFETIME if self.is_remembered else settings.PAGE_SESSION_LIFETIME

    @property
    def idle_limit(self) -> timedelta:
        """Idle lifetime; tokens are idle until they are refreshed."""
        if self.kind in {self.Kind.TOKEN, self.Kind.APP}:
            return settings.REFRESH_TOKEN_LIFETIME
        return settings.REMEMBERED_IDLE_LIFETIME if self.is_remembered else settings.PAGE_IDLE_LIFETIME

    def expiry_after(self, use: datetime) -> datetime:
        idle = use + self.idle_limit
        return min(idle, self.ends_at) if self.ends_at else idle

    def accepts(self, generation: int) -> bool:
        """Whether the cookie of this generation is the newest, or was until moments ago."""
        return generation == self.generation or (self.has_new_cookie and generation == self.generation - 1)

    @property
    def has_new_cookie(self) -> bool:
        return self.rotated_at is not None and timezone.now() - self.rotated_at < ROTATION_GRACE
