"""Who is signed in to which application, and by which tokens."""

from enum import StrEnum
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Session, User
from audit.tracking.model_tracking import TrackedModel
from sso.models.applications import Application
from sso.models.querysets import AppSignInQuerySet, SubjectQuerySet


class EndReason(StrEnum):
    """Why a person's sign-in at an application ended."""

    LOGOUT = "logout"
    REVOKED = "revoked"
    SESSION_ENDED = "session_ended"
    ACCOUNT_DISABLED = "account_disabled"
    REQUIRED_ACTION = "required_action"
    ROLE_TAKEN = "role_taken"
    APPLICATION_INACTIVE = "application_inactive"
    APPLICATION_DELETED = "application_deleted"
    CODE_REUSE = "code_reuse"
    REFRESH_REUSE = "refresh_reuse"
    EXPIRED = "expired"


class Subject(TrackedModel):
    """What programs know an account by (`sub`). It never changes, and no other account ever gets it."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="subject")
    value = models.UUIDField(unique=True, default=uuid4, editable=False)

    objects = SubjectQuerySet.as_manager()

    class Meta:
        db_table = "subjects"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.value)


class AppSignIn(TrackedModel):
    """One sign-in of an account at an application, from the authorization code to its end.

    Nothing that it gave out counts for longer than the session, the account and the application do: `valid()` asks.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="sign_ins")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="app_sign_ins")
    #: The page session, or one of kind `app` for `offline_access`; None where the application acts by itself.
    session = models.ForeignKey(Session, on_delete=models.CASCADE, null=True, blank=True, related_name="app_sign_ins")
    scope = models.CharField(max_length=200, blank=True)
    nonce = models.CharField(max_length=512, blank=True)
    redirect_uri = models.CharField("redirect URI", max_length=500, blank=True)
    #: SHA-256 (hex) of the codes and tokens, "" for none.
    code_hash = models.CharField(max_length=64, blank=True)
    code_challenge = models.CharField(max_length=128, blank=True)
    code_expires_at = models.DateTimeField(null=True, blank=True)
    code_used_at = models.DateTimeField(null=True, blank=True)
    access_hash = models.CharField(max_length=64, blank=True)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    refresh_hash = models.CharField(max_length=64, blank=True)
    #: Of what all its refresh tokens begin with: one that isn't the present one was used before, however long ago.
    refresh_family_hash = models.CharField(max_length=64, blank=True, db_default="")
    #: When and how the person authenticated.
    auth_time = models.DateTimeField("authenticated at", default=timezone.now)
    amr = models.JSONField("authentication methods", default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    #: One of `EndReason`.
    end_reason = models.CharField(max_length=32, blank=True)

    objects = AppSignInQuerySet.as_manager()

    class Meta:
        db_table = "app_sign_ins"
        verbose_name = "sign-in to an application"
        verbose_name_plural = "sign-ins to applications"
        default_permissions = ()
        ordering = ("-created_at", "id")
        indexes = (
            # Not partial, without those that have none: SQLite wouldn't use them, and each call looks one up. Nor
            # unique, as "" is not; no two of 256 random bits are the same.
            models.Index(fields=["code_hash"], name="app_sign_in_code"),
            models.Index(fields=["access_hash"], name="app_sign_in_access"),
            models.Index(fields=["refresh_hash"], name="app_sign_in_refresh"),
            models.Index(fields=["refresh_family_hash"], name="app_sign_in_family"),
            models.Index(fields=["application", "-created_at"], name="app_sign_in_application"),
            # Whose access changed is looked at every second; nearly all rows have ended.
            models.Index(fields=["user"], condition=Q(ended_at__isnull=True), name="app_sign_in_unended"),
            # The list of applications counts the people of each.
            models.Index(
                fields=["application", "user"],
                condition=Q(ended_at__isnull=True, session__isnull=False),
                name="app_sign_in_people",
            ),
        )

    def __str__(self) -> str:
        return f"sign-in {self.pk}"
