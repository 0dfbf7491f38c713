"""Second factors, and used one-time values."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel, TrackedQuerySet


class TotpKey(TrackedModel):
    """The key of a user's authenticator app (RFC 6238), stored once a code has confirmed it."""

    kind: ClassVar = "totp"
    #: In texts for people; a user has one at most.
    kind_name: ClassVar = "authenticator app"
    name: ClassVar = kind_name

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="totp_key")
    #: Encrypted by `accounts.core.encryption`.
    sealed_key = models.TextField()
    #: The time step of the last accepted code: neither it nor an earlier one is accepted again.
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)

    objects = TrackedQuerySet["TotpKey"].as_manager()

    class Meta:
        db_table = "totp_keys"
        default_permissions = ()

    def __str__(self) -> str:
        return f"authenticator app of user {self.user_id}"


class Passkey(TrackedModel):
    """A WebAuthn credential: a passkey or a security key."""

    kind = kind_name = "passkey"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    #: Base64url, as browsers write it. At most 1023 bytes long by the standard.
    credential_id = models.CharField(max_length=1400, unique=True)
    #: Attested credential data as the authenticator made it, with the public key in it.
    credential = models.BinaryField()
    #: The authenticator's own signature counter; always 0 from those that don't count.
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    objects = TrackedQuerySet["Passkey"].as_manager()

    class Meta:
        db_table = "passkeys"
        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class RecoveryCode(TrackedModel):
    """A one-time code in place of a second factor, such as when the phone is lost. Used ones are deleted."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    #: SHA-256 (hex). A slow hash is for what can be guessed; 80 random bits can't.
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TrackedQuerySet["RecoveryCode"].as_manager()

    class Meta:
        db_table = "recovery_codes"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_unique"),)

    def __str__(self) -> str:
        return f"recovery code of user {self.user_id}"


class SpentOnce(models.Model):
    """The id of a used one-time value, such as a challenge; kept until that would have expired."""

    name = models.CharField(max_length=80, primary_key=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "spent_once"
        default_permissions = ()
        indexes = (models.Index(fields=["expires_at"], name="spent_once_expires"),)

    def __str__(self) -> str:
        return self.name
