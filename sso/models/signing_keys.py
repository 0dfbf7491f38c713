"""The keys that sign ID tokens and logout tokens."""

from django.db import models
from django.utils import timezone

from audit.tracking.model_tracking import TrackedModel
from sso.models.querysets import SigningKeyQuerySet


class SigningAlgorithm(models.TextChoices):
    """How ID tokens can be signed; most programs know the first."""

    RS256 = "RS256", "RS256"
    ES256 = "ES256", "ES256"
    EDDSA = "EdDSA", "EdDSA"


class SigningKey(TrackedModel):
    """A private key, encrypted: who reads the database can't use it, and who writes it can't add another."""

    #: RFC 7638 thumbprint of the public key.
    kid = models.CharField("key ID", primary_key=True, max_length=64, editable=False)
    algorithm = models.CharField(max_length=8, choices=SigningAlgorithm)
    private_key = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    #: It is published at once, and signs from then on.
    signs_from = models.DateTimeField(default=timezone.now)
    #: It signs nothing any more; it is published until the last token that it signed has expired.
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        db_table = "oidc_keys"
        default_permissions = ()
        ordering = ("created_at", "kid")

    def __str__(self) -> str:
        return f"{self.algorithm} key {self.kid}"
