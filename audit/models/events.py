"""The event model of the append-only audit log."""

import os
from typing import Any, NoReturn

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from audit.crypto.sealed_row import COMMITMENT_BYTES, SALT_BYTES, VERSION, SealedRow, authentication_code, json_details
from audit.models.details import DetailsField
from audit.models.querysets import AppendOnlyError, AuditLogQuerySet


class Action(models.TextChoices):
    """What was done. The values are part of the API."""

    LOGIN = "login"
    LOGOUT = "logout"
    TOKEN_REFRESH = "token_refresh"
    SESSION_REVOKE = "session_revoke"
    SESSION_END = "session_end"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PASSWORD_CHANGE = "password_change"
    PASSWORD_RESET = "password_reset"
    LOCK = "lock"
    UNLOCK = "unlock"
    ROLE_ASSIGN = "role_assign"
    ROLE_REVOKE = "role_revoke"
    EXPORT = "export"
    IMPORT = "import"
    ACCESS_DENIED = "access_denied"
    KEY_ROTATE = "key_rotate"
    ERASE = "erase"
    ARCHIVE = "archive"
    KEY_CREATE = "key_create"
    KEY_REVOKE = "key_revoke"
    FACTOR_ADD = "factor_add"
    FACTOR_REMOVE = "factor_remove"
    FACTOR_RESET = "factor_reset"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    APP_LOGIN = "app_login"
    APP_DENIED = "app_denied"
    REVIEW_OPEN = "review_open"
    REVIEW_DECIDE = "review_decide"
    REVIEW_CLOSE = "review_close"


#: The order in which changes are shown.
FIELD_ORDER = (
    "username",
    "email",
    "name",
    "first_name",
    "last_name",
    "description",
    "is_active",
    "locked",
    "must_change_password",
    "roles",
    "permissions",
    "requires_factor",
)


class AppendOnlyModel(models.Model):
    """A row that is written once. Triggers refuse what this class doesn't see."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        # Django would try an UPDATE first for a new object that was given the id of a stored row.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *_: object, **__: object) -> NoReturn:
        raise AppendOnlyError


class AuditLog(AppendOnlyModel):
    """An event: who did what to what, from where, with which outcome.

    Names are stored as they were, and users aren't referenced by a foreign key: nothing that happens to an account
    later can touch its history.
    """

    timestamp = models.DateTimeField(default=timezone.now, editable=False)
    user_id = models.BigIntegerField(null=True, blank=True)
    username = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=32, choices=Action)
    resource = models.CharField(max_length=32)
    resource_id = models.CharField(max_length=64, blank=True)
    resource_name = models.CharField(max_length=254, blank=True)
    success = models.BooleanField(default=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    session_id = models.UUIDField(null=True, blank=True)
    #: `changes: {field: [old, new]}`, `reason`, `required`, ...; never a secret.
    details = DetailsField(default=dict, blank=True, encoder=DjangoJSONEncoder)

    # For the seal (`audit.crypto.sealed_row`).
    version = models.PositiveSmallIntegerField(default=VERSION, editable=False)
    actor_opening = models.BinaryField(max_length=32)
    subject_opening = models.BinaryField(max_length=32)
    #: Proves to the sealer that this installation wrote the row (see `audit.crypto.sealed_row`).
    authentication = models.BinaryField(max_length=32)

    objects = AuditLogQuerySet.as_manager()
    #: django-auditlog reads its actions under this name (`audit.tracking.model_tracking`).
    Action = Action

    class Meta:
        db_table = "audit_logs"
        default_permissions = ()
        verbose_name = "audit event"
        ordering = ("-id",)
        indexes = (
            # One for each filter of the list, which is always sorted newest first.
            models.Index(fields=["timestamp", "id"], name="audit_timestamp"),
            models.Index(fields=["user_id", "-id"], name="audit_user_id"),
            models.Index(Lower("username"), F("id").desc(), name="audit_username"),
            models.Index(fields=["action", "-id"], name="audit_action"),
            models.Index(fields=["resource", "resource_id", "-id"], name="audit_resource"),
            models.Index(fields=["ip_address", "-id"], name="audit_ip_address"),
            models.Index(fields=["success", "-id"], name="audit_success"),
            models.Index(fields=["request_id"], name="audit_request_id"),
            models.Index(fields=["session_id", "-id"], condition=Q(session_id__isnull=False), name="audit_session_id"),
            models.Index(fields=["resource_id", "-id"], condition=Q(resource_id__gt=""), name="audit_resource_id"),
            models.Index(fields=["action", "timestamp"], name="audit_action_timestamp"),
            models.Index(
                fields=["-timestamp", "-id"], condition=Q(action="login", success=False), name="audit_failed_sign_ins"
            ),
        )

    def __str__(self) -> str:
        return f"{self.username or 'someone'}: {self.action} {self.resource} {self.resource_name}".rstrip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.authenticate()
        super().save(*args, **kwargs)

    def authenticate(self) -> None:
        """Normalize details to the form in which they are read again, add salts, compute the authentication code."""
        self.details = json_details(self.details)
        self.actor_opening = self.actor_opening or os.urandom(SALT_BYTES)
        self.subject_opening = self.subject_opening or os.urandom(SALT_BYTES)
        self.authentication = authentication_code(self.sealed_row())

    def sealed_row(self) -> SealedRow:
        return SealedRow(*(getattr(self, name) for name in SealedRow._fields))

    @property
    def is_actor_erased(self) -> bool:
        return len(self.actor_opening) == COMMITMENT_BYTES

    @property
    def is_subject_erased(self) -> bool:
        return len(self.subject_opening) == COMMITMENT_BYTES

    @property
    def changes(self) -> dict[str, list[Any]]:
        """`{field: [old, new]}` in a fixed order, since PostgreSQL's JSON keeps none; only what is such a pair."""
        stored = self.details.get("changes")
        pairs = stored if isinstance(stored, dict) else {}
        known = [name for name in FIELD_ORDER if name in pairs]
        return {name: pairs[name] for name in [*known, *sorted(pairs.keys() - known)] if _is_pair(pairs[name])}


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2  # noqa: PLR2004
