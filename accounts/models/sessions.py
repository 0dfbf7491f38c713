"""Sign-ins."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.querysets import SessionQuerySet
from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel

#: How long the cookie that a new one replaced is good, for what the browser had asked before it learned of it.
ROTATION_GRACE = timedelta(seconds=10)


class Session(TrackedModel):
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
        IDLE = "idle"
        AGE = "age"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=8, choices=Kind)
    created_at = models.DateTimeField(default=timezone.now)
    #: When the user last proved in it who they are: at the sign-in, or again since. None once that counts no more.
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(default=timezone.now)
    #: When it ends if it isn't used until then, and when it ends at the latest.
    expires_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    #: Of pages: the browser keeps it when it is closed, and it lasts long.
    is_remembered = models.BooleanField(default=False, db_default=False)
    #: Of pages: counts the cookies that stood for it. Only the newest is good.
    generation = models.PositiveIntegerField(default=0, db_default=0)
    rotated_at = models.DateTimeField(null=True, blank=True)
    #: Whether a mail told its user of a sign-in from a new device.
    was_announced = models.BooleanField(default=False, db_default=False)
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
            # Those that end by themselves are looked for every half minute, and all others ended long ago.
            models.Index(fields=["expires_at"], condition=Q(ended_at__isnull=True), name="session_unended"),
            # Whether a user signed in from an address before is asked at each sign-in.
            models.Index(fields=["user", "ip_address", "created_at"], name="session_user_address"),
        )

    def __str__(self) -> str:
        return f"{self.kind} session {self.pk}"

    @property
    def acts_by_cookie(self) -> bool:
        """Whether the browser sends along what stands for it, also for another person in front of it."""
        return self.kind == self.Kind.PAGE

    @property
    def is_fresh(self) -> bool:
        """Whether it is moments ago that the user proved who they are: what guards accounts may be changed."""
        window = timedelta(minutes=settings.SUDO_MINUTES)
        return self.confirmed_at is not None and timezone.now() - self.confirmed_at < window

    @property
    def is_alive(self) -> bool:
        """Neither ended nor expired."""
        return self.ended_at is None and self.expires_at > timezone.now()

    @property
    def idle_limit(self) -> timedelta:
        """How long it lives without being used; of tokens, without being refreshed."""
        if self.kind == self.Kind.TOKEN:
            return settings.REFRESH_TOKEN_LIFETIME
        return settings.REMEMBERED_IDLE_LIFETIME if self.is_remembered else settings.PAGE_IDLE_LIFETIME

    def expiry_after(self, use: datetime) -> datetime:
        """When it ends if this is its last use."""
        idle = use + self.idle_limit
        return min(idle, self.ends_at) if self.ends_at else idle

    def accepts(self, generation: int) -> bool:
        """Whether the cookie of this generation is the newest, or was until a moment ago."""
        return generation == self.generation or (self.has_new_cookie and generation == self.generation - 1)

    @property
    def has_new_cookie(self) -> bool:
        """Whether its cookie was replaced so lately that the browser may not know yet."""
        return self.rotated_at is not None and timezone.now() - self.rotated_at < ROTATION_GRACE
