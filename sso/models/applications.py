"""The programs that people sign in to with their account here."""

from collections.abc import Callable
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.core.model_fields import PlainTextField
from accounts.models import Role, User
from accounts.models.versioning import Versioned
from audit.tracking.model_tracking import TrackedModel
from sso.models.querysets import MAX_COUNTED, ApplicationQuerySet
from sso.models.signing_keys import SigningAlgorithm

CLIENT_ID_PREFIX = "app_"
CLIENT_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MIN_TOKEN_MINUTES, MAX_TOKEN_MINUTES, DEFAULT_TOKEN_MINUTES = 1, 60, 5


def new_client_id() -> str:
    return CLIENT_ID_PREFIX + get_random_string(20, CLIENT_ID_LETTERS)


class Application(Versioned, TrackedModel):
    """A program, and who may open it."""

    class Kind(models.TextChoices):
        #: It runs on a server and keeps a secret.
        CONFIDENTIAL = "confidential"
        #: It runs in a browser or on a device, where no secret stays one.
        PUBLIC = "public"

    client_id = models.CharField("client ID", max_length=40, unique=True, editable=False)
    name = PlainTextField(max_length=80)
    #: Begins the names of its permissions, and so never changes.
    slug = models.CharField("short name", max_length=16, unique=True, editable=False)
    description = PlainTextField(max_length=200, blank=True)
    home_url = models.CharField("address", max_length=500, blank=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.CONFIDENTIAL)
    redirect_uris = models.JSONField("redirect URIs", default=list, blank=True)
    post_logout_redirect_uris = models.JSONField("post-logout redirect URIs", default=list, blank=True)
    backchannel_logout_uri = models.CharField("back-channel logout URI", max_length=500, blank=True)
    signing_alg = models.CharField(
        "signing algorithm", max_length=8, choices=SigningAlgorithm, default=SigningAlgorithm.RS256
    )
    #: Whether it may stay signed in when the person signs out here, by `offline_access`.
    offline_access = models.BooleanField(default=False)
    #: Whether devices without a browser may ask for sign-ins (RFC 8628). Off unless it is needed: who shows a person a
    #: code of their own device gets in as that person, if they allow it.
    device_grant = models.BooleanField("device sign-in", default=False, db_default=False)
    access_token_minutes = models.PositiveSmallIntegerField(
        "access token lifetime in minutes",
        default=DEFAULT_TOKEN_MINUTES,
        validators=[MinValueValidator(MIN_TOKEN_MINUTES), MaxValueValidator(MAX_TOKEN_MINUTES)],
    )
    #: SHA-256 (hex) of the secret. It is random, so a slow hash would add nothing. "" for a public application.
    secret_hash = models.CharField(max_length=64, blank=True, editable=False)
    secret_created_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: The replaced secret, while programs that still have it shall go on.
    previous_secret_hash = models.CharField(max_length=64, blank=True, editable=False)
    previous_secret_expires_at = models.DateTimeField("old secret works until", null=True, blank=True, editable=False)
    #: Who may open it. A role that vanishes must not open it to everybody: `is_for_everybody` says so too.
    roles = models.ManyToManyField(Role, related_name="applications", db_table="application_roles", blank=True)
    is_for_everybody = models.BooleanField(default=True, editable=False)
    #: Whom it acts as by itself (client credentials); the account is of a service.
    service_account = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="serving_applications"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    #: Annotated by `with_sign_in_count`, up to MAX_COUNTED.
    sign_in_count: int

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        db_table = "applications"
        default_permissions = ()
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint(Lower("name"), name="application_name_unique"),)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        # No default of the field: migrations would import it.
        self.client_id = self.client_id or new_client_id()
        super().save(*args, **kwargs)

    @property
    def is_confidential(self) -> bool:
        return self.kind == self.Kind.CONFIDENTIAL

    @property
    def sign_in_count_text(self) -> str:
        """How many people are signed in now (`with_sign_in_count`), such as "17" or "1,000+"."""
        return f"{self.sign_in_count:,}{'+' if self.sign_in_count >= MAX_COUNTED else ''}"

    @property
    def role_names(self) -> list[str]:
        """The roles that open it; none: everybody may."""
        return [role.name for role in self.roles.all()]

    @property
    def has_old_secret(self) -> bool:
        """Whether the secret before the present one is still good."""
        return self.previous_secret_expires_at is not None and self.previous_secret_expires_at > timezone.now()

    def is_open_to(self, user: User) -> bool:
        """Whether the roles of `user` open it. That it is active, and that they may sign in, is another question."""
        openers = {role.slug for role in self.roles.all()}
        return not openers.isdisjoint(user.grants.role_slugs) if openers else self.is_for_everybody

    def accepts_secret(self, digest: str, compare: Callable[[str, str], bool]) -> bool:
        """Whether this is the hash of its secret, or of the one before it while that is still good.

        `compare` takes the same time for every answer, and both are compared each time.
        """
        expires_at = self.previous_secret_expires_at
        is_previous_good = expires_at is not None and expires_at > timezone.now()
        is_present = bool(self.secret_hash) and compare(self.secret_hash, digest)
        is_previous = bool(self.previous_secret_hash) and compare(self.previous_secret_hash, digest)
        return self.is_confidential and (is_present or (is_previous and is_previous_good))
