"""API keys of scripts and lab modules."""

from ipaddress import ip_address, ip_network
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.core.model_fields import PlainTextField
from accounts.models.querysets import ApiKeyQuerySet
from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel


class ApiKey(TrackedModel):
    """A named key of a user. Its secret is shown once, at creation; only a hash of it is stored."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    #: None where it is unknown. In earlier versions administrators could create keys for other people.
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="created_keys")
    name = PlainTextField(max_length=80)
    #: The public part of the key, for finding and recognizing it.
    prefix = models.CharField(max_length=12, unique=True)
    #: SHA-256 (hex) of the whole key. It is random, so a slow hash would add nothing.
    secret_hash = models.CharField(max_length=64)
    #: Names of the permissions that it is limited to.
    scopes = models.JSONField(default=list, blank=True)
    #: Addresses and networks that it may be used from; empty: from all.
    addresses = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "api_keys"
        default_permissions = ()
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["user", "-created_at"], name="api_key_user_created"),
            # The dashboard counts those that end soon after each event.
            models.Index(fields=["expires_at"], condition=Q(revoked_at__isnull=True), name="api_key_unrevoked"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def public_id(self) -> str:
        """Its name in the audit log, where its own name could never be erased if it were personal."""
        return f"rpt_{self.prefix}"

    @property
    def maker_name(self) -> str | None:
        return self.created_by.username if self.created_by else None

    @property
    def is_by_another(self) -> bool:
        return self.created_by_id is not None and self.created_by_id != self.user_id

    @property
    def has_lost_its_maker(self) -> bool:
        """Whether another person created it for a person and may no longer sign in: it would stay a way in for them."""
        return self.is_by_another and not self.user.is_service and not (self.created_by and self.created_by.can_sign_in)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    def is_open_to(self, address: str) -> bool:
        """Whether it may be used from this address, "" if that is unknown."""
        if not self.addresses:
            return True
        try:
            client = ip_address(address)
        except ValueError:
            return False
        return any(client in ip_network(network) for network in self.addresses)
