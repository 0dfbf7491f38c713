"""API keys: what scripts and lab modules sign in with."""

from ipaddress import ip_address, ip_network
from uuid import uuid4

from django.db import models
from django.utils import timezone

from accounts.core.model_fields import PlainTextField
from accounts.models.querysets import ApiKeyQuerySet
from accounts.models.users import User
from audit.tracking.model_tracking import TrackedModel


class ApiKey(TrackedModel):
    """A named key of a user. Its secret is shown once, when it is made; only a hash of it is kept."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    #: None where it isn't known any more. For people nobody else makes keys, but once administrators could.
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="created_keys")
    name = PlainTextField(max_length=80)
    #: The part of the key by which it is found, and by which people tell it from others.
    prefix = models.CharField(max_length=12, unique=True)
    #: SHA-256 (hex) of the whole key. It is random, so a slow hash would add nothing.
    secret_hash = models.CharField(max_length=64)
    #: Names of the permissions that it is limited to, whatever its owner holds.
    scopes = models.JSONField(default=list, blank=True)
    #: Addresses and networks that it may be used from; empty for all.
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
        indexes = (models.Index(fields=["user", "-created_at"], name="api_key_user_created"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def public_id(self) -> str:
        """How the audit log names it: what its owner called it may tell of a person, and could never be erased."""
        return f"rpt_{self.prefix}"

    @property
    def maker_name(self) -> str | None:
        """The username of who made it, if that is known."""
        return self.created_by.username if self.created_by else None

    @property
    def is_by_another(self) -> bool:
        """Whether another person than its owner made it."""
        return self.created_by_id is not None and self.created_by_id != self.user_id

    @property
    def has_lost_its_maker(self) -> bool:
        """Whether another person made it for a person and may not sign in any more: it would let them in for years."""
        return self.is_by_another and not self.user.is_service and not (self.created_by and self.created_by.can_sign_in)

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at <= timezone.now()

    def is_open_to(self, address: str) -> bool:
        """Whether it may be used from this address ("" when unknown)."""
        if not self.addresses:
            return True
        try:
            client = ip_address(address)
        except ValueError:
            return False
        return any(client in ip_network(network) for network in self.addresses)
