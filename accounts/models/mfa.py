"""Second factors: what a user proves to have beside the password that they know."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel, TrackedQuerySet


class TotpKey(TrackedModel):
    """The key of a user's authenticator app (RFC 6238). One that was never confirmed by a code isn't stored."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="totp_key")
    #: Encrypted by `accounts.core.encryption`.
    sealed_key = models.TextField()
    #: The time step of the last code that was accepted: neither it nor an earlier one is good again.
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar["models.Manager[TotpKey]"] = TrackedQuerySet.as_manager()

    class Meta:
        db_table = "totp_keys"
        default_permissions = ()

    def __str__(self) -> str:
        return f"authenticator app of user {self.user_id}"


class Passkey(TrackedModel):
    """A WebAuthn credential: a passkey or a security key."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    #: Base64url, as browsers write it. At most 1023 bytes long by the standard.
    credential_id = models.CharField(max_length=1400, unique=True)
    #: Attested credential data as the authenticator made it, with the public key in it.
    credential = models.BinaryField()
    #: How often it signed, by its own count; 0 for good from those that don't count.
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    objects: ClassVar["models.Manager[Passkey]"] = TrackedQuerySet.as_manager()

    class Meta:
        db_table = "passkeys"
        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class RecoveryCode(TrackedModel):
    """A code to get in once without the factor, such as when the phone is lost. Used ones are deleted."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    #: SHA-256 (hex). A slow hash protects what can be guessed; nobody guesses 80 random bits.
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar["models.Manager[RecoveryCode]"] = TrackedQuerySet.as_manager()

    class Meta:
        db_table = "recovery_codes"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_unique"),)

    def __str__(self) -> str:
        return f"recovery code of user {self.user_id}"


class SpentOnce(models.Model):
    """The name of something signed that was good once, such as a challenge; kept until it would have expired."""

    name = models.CharField(max_length=80, primary_key=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "spent_once"
        default_permissions = ()
        indexes = (models.Index(fields=["expires_at"], name="spent_once_expires"),)

    def __str__(self) -> str:
        return self.name
