"""The append-only audit log, and the Merkle tree that seals it."""

import os
from typing import Any, ClassVar, NoReturn

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from audit import canonical
from audit.authenticity import authentication_code, plain_details
from audit.canonical import COMMITMENT_BYTES, SALT_BYTES, SealedRow
from audit.notes import CheckpointText, VerifierKey
from audit.querysets import AppendOnlyError, AppendOnlyQuerySet, AuditLogQuerySet


class Action(models.TextChoices):
    """What was done. The values are part of the API."""

    LOGIN = "login"
    LOGOUT = "logout"
    TOKEN_REFRESH = "token_refresh"
    SESSION_REVOKE = "session_revoke"
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
    ACCESS_DENIED = "access_denied"
    KEY_ROTATE = "key_rotate"
    ERASE = "erase"
    ARCHIVE = "archive"


#: The order in which changed fields are told.
FIELDS = (
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
)
PAIR = 2


def new_salt() -> bytes:
    """Random bytes for the commitment to one part of one row."""
    return os.urandom(SALT_BYTES)


class AppendOnlyModel(models.Model):
    """A row that is written once; triggers refuse what this class doesn't see."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raises AppendOnlyError for a row that is already stored."""
        if not self._state.adding:
            raise AppendOnlyError
        # Django would try an UPDATE first for a new object that was given the id of a stored row.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError


class AuditLog(AppendOnlyModel):
    """One event: who did what to what, from where, with which outcome.

    Names stand in the row as they were at the time, and users are not referenced by a foreign key, so
    that nothing that happens to an account later can touch its history.
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
    details = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)

    # What the seal needs; `audit.canonical` tells what for.
    version = models.PositiveSmallIntegerField(default=canonical.VERSION, editable=False)
    actor_opening = models.BinaryField(max_length=32, default=new_salt)
    subject_opening = models.BinaryField(max_length=32, default=new_salt)
    #: Proves to the sealer that this installation wrote the row (see `audit.authenticity`).
    authentication = models.BinaryField(max_length=32)

    objects = AuditLogQuerySet.as_manager()

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
        )

    def __str__(self) -> str:
        return f"{self.username or 'someone'}: {self.action} {self.resource} {self.resource_name}".rstrip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert, with the code that proves who wrote it; raises AppendOnlyError for a row that is already stored."""
        if self._state.adding:
            self.authenticate()
        super().save(*args, **kwargs)

    def authenticate(self) -> None:
        """Bring details into the form in which they are read again, and compute the authentication code."""
        self.details = plain_details(self.details)
        self.authentication = authentication_code(self.sealed_row())

    def sealed_row(self) -> SealedRow:
        """The columns that the seal covers."""
        return SealedRow(*(getattr(self, name) for name in SealedRow._fields))

    @property
    def is_actor_erased(self) -> bool:
        """Whether what told of who acted was erased on request."""
        return len(self.actor_opening) == COMMITMENT_BYTES

    @property
    def is_subject_erased(self) -> bool:
        """Whether what told of whom it is about was erased on request."""
        return len(self.subject_opening) == COMMITMENT_BYTES

    @property
    def changes(self) -> dict[str, list[Any]]:
        """`{field: [old, new]}` in one order, since PostgreSQL's JSON keeps none; without what is no such pair."""
        found = self.details.get("changes")
        pairs = found if isinstance(found, dict) else {}
        in_order = sorted(pairs, key=lambda name: (FIELDS.index(name) if name in FIELDS else len(FIELDS), name))
        return {name: pairs[name] for name in in_order if isinstance(pairs[name], list) and len(pairs[name]) == PAIR}


class Leaf(AppendOnlyModel):
    """The place of an event in the Merkle tree, and its hash. Events are sealed in an order of their own: by id they
    are numbered when they begin, and here they stand in the order in which the sealer found them committed.
    """

    position = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    hash = models.BinaryField(max_length=32)

    objects = AppendOnlyQuerySet["Leaf"].as_manager()

    class Meta:
        db_table = "audit_leaves"
        default_permissions = ()

    def __str__(self) -> str:
        return f"event {self.event_id} at {self.position}"


class Node(AppendOnlyModel):
    """The hash of a complete subtree; kept on every eighth level, from which the others are found quickly."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    objects = AppendOnlyQuerySet["Node"].as_manager()

    class Meta:
        db_table = "audit_nodes"
        default_permissions = ()

    def __str__(self) -> str:
        return f"node {self.index} of level {self.level}"


class SigningKey(AppendOnlyModel):
    """A public key that signs checkpoints, and the note by which the key before it says so."""

    name = models.CharField(max_length=200)
    public_key = models.BinaryField(max_length=32)
    statement = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AppendOnlyQuerySet["SigningKey"].as_manager()

    class Meta:
        db_table = "audit_keys"
        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return self.verifier.label

    @property
    def verifier(self) -> VerifierKey:
        """The key in the form that verifies."""
        return VerifierKey(self.name, bytes(self.public_key))


class Checkpoint(AppendOnlyModel):
    """The signed statement that the first `size` events were these: a note whose text says all that counts."""

    size = models.BigIntegerField(primary_key=True)
    sealed_at = models.DateTimeField(db_index=True)
    note = models.TextField()

    objects = AppendOnlyQuerySet["Checkpoint"].as_manager()

    class Meta:
        db_table = "audit_checkpoints"
        default_permissions = ()
        ordering = ("size",)

    def __str__(self) -> str:
        return f"checkpoint of {self.size} events"

    @property
    def text(self) -> str:
        """The note's text, which the next checkpoint names by its fingerprint."""
        return self.note.rpartition("\n\n")[0] + "\n"

    @property
    def statement(self) -> CheckpointText:
        """What the note says, whoever signed it; raises NoteError."""
        return CheckpointText.parse(self.text)


class SavedFilter(models.Model):
    """A view of the audit log that someone keeps: the query of the list's address, under a name of their own."""

    NAME_LENGTH: ClassVar[int] = 50

    #: Its owner's id. No foreign key: the audit log knows no other table.
    user_id = models.BigIntegerField()
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "audit_saved_filters"
        default_permissions = ()
        ordering = ("name",)
        constraints = (models.UniqueConstraint("user_id", Lower("name"), name="audit_saved_filter_unique"),)

    def __str__(self) -> str:
        return self.name


class Anchor(models.Model):
    """How far one way of sending checkpoints out of reach has come. If it is lost, something is sent twice."""

    channel = models.CharField(max_length=8, primary_key=True)
    #: Of the last checkpoint that was sent; 0 before the first.
    size = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    #: Until when one process has it to itself.
    busy_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_anchors"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.channel}: {self.size} events"


class VerificationRun(models.Model):
    """A verification that was made, and what it found: for pages and monitoring. It proves nothing by itself."""

    started_at = models.DateTimeField(default=timezone.now, editable=False)
    #: None while it runs, and for ever if it was cut off.
    finished_at = models.DateTimeField(null=True)
    #: How many events it took as given, 0 if it looked at all; and up to which number and time it looked.
    since = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    until = models.DateTimeField(null=True)
    #: Sentences: what says that the log was changed, and what only deserves a look.
    findings = models.JSONField(default=list)
    warnings = models.JSONField(default=list)

    class Meta:
        db_table = "audit_verification_runs"
        default_permissions = ()
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"verification of {self.started_at:%Y-%m-%d %H:%M}"
