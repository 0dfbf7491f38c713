"""The Merkle tree that seals the log, its keys and checkpoints; captured changes, anchors, counts and verifications."""

from django.db import models
from django.utils import timezone

from audit.crypto.signed_note import CheckpointText, VerifierKey
from audit.models.events import AppendOnlyModel
from audit.models.querysets import AppendOnlyQuerySet


class Leaf(AppendOnlyModel):
    """An event's position in the Merkle tree, and its hash.

    Positions follow the order in which the sealer found events committed; ids follow the order in which they began.
    """

    position = models.BigIntegerField(primary_key=True)
    # No foreign key: an archived event's leaf stays, and so do the proofs that need it.
    event_id = models.BigIntegerField(unique=True)
    hash = models.BinaryField(max_length=32)

    objects = AppendOnlyQuerySet["Leaf"].as_manager()

    class Meta:
        db_table = "audit_leaves"
        default_permissions = ()

    def __str__(self) -> str:
        return f"event {self.event_id} at {self.position}"


class Node(AppendOnlyModel):
    """The hash of a complete subtree. Every eighth level is stored; the others are computed from it quickly."""

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
    """A public key that signs checkpoints, and the note in which the key before it endorses it."""

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
        return VerifierKey(self.name, bytes(self.public_key))


class Checkpoint(AppendOnlyModel):
    """The signed statement that the first `size` events were these: a note whose text says all that counts."""

    # The primary key, so that no two checkpoints of one size can contradict each other.
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
        """The note's text, whose fingerprint the next checkpoint contains."""
        return self.note.rpartition("\n\n")[0] + "\n"

    @property
    def statement(self) -> CheckpointText:
        return CheckpointText.parse(self.text)


class Block(models.Model):
    """How many sealed events have an id in a range, and when they happened (`audit.statistics.id_ranges`)."""

    block = models.BigIntegerField(primary_key=True)
    events = models.BigIntegerField()
    #: When the first and the last of them happened; empty for what a version before these columns sealed meanwhile.
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_blocks"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.events} events in block {self.block}"


class DailyCount(models.Model):
    """How many sealed events of a kind a day had (`audit.statistics.daily_counts`)."""

    day = models.DateField()
    action = models.CharField(max_length=32)
    success = models.BooleanField()
    events = models.BigIntegerField()

    class Meta:
        db_table = "audit_daily_counts"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["action", "day", "success"], name="audit_daily_unique"),)

    def __str__(self) -> str:
        return f"{self.events} of {self.action} on {self.day}"


class Anchor(models.Model):
    """The last checkpoint that was sent through a channel. If this is lost, a checkpoint is sent twice."""

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


class CapturedChange(models.Model):
    """A change to a row of a tracked table: who, which row, and the names of the changed columns, no values.

    Triggers write it in the transaction of the change. The sealer removes it (`audit.capture.settlement`).
    """

    #: PostgreSQL's, or the random one of `reprotech.db.sqlite`, which other programs don't have.
    transaction_id = models.BigIntegerField(null=True)
    changed_at = models.DateTimeField()
    #: Whom PostgreSQL let in, what the program called itself, and from where it came. SQLite knows none of it.
    database_role = models.TextField(blank=True, default="")
    application = models.TextField(blank=True, default="")
    client_address = models.GenericIPAddressField(null=True)
    table_name = models.TextField()
    row_key = models.TextField(blank=True, default="")
    #: What it is about, as `resource:id`, and after a space each account or role that it concerns too.
    subjects = models.TextField()
    #: `insert`, `update`, `delete` or `truncate`; `event` on SQLite: an event of the log was written.
    verb = models.TextField()
    columns = models.TextField(blank=True, default="")

    class Meta:
        db_table = "audit_captured_changes"
        default_permissions = ()
        ordering = ("id",)
        indexes = (models.Index(fields=["transaction_id"], name="audit_captured_transaction"),)

    def __str__(self) -> str:
        return f"{self.verb} of {self.table_name} {self.row_key}".rstrip()

    @property
    def subject(self) -> tuple[str, str]:
        """Resource and id of the first subject; the id is empty when all rows are meant."""
        resource, _, key = self.subjects.partition(" ")[0].partition(":")
        return resource, key

    @property
    def others(self) -> dict[str, str]:
        """The other subjects, as {resource: id}."""
        return dict(name.split(":", 1) for name in self.subjects.split(" ")[1:])


class VerificationRun(models.Model):
    """A verification run and its findings, for pages and monitoring. It proves nothing by itself."""

    started_at = models.DateTimeField(default=timezone.now, editable=False)
    #: None while it runs, and for good if it was interrupted.
    finished_at = models.DateTimeField(null=True)
    #: The events that it took as verified, 0 for a full run; and the last event verified, by number and time.
    since = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    until = models.DateTimeField(null=True)
    #: Sentences: findings show that the log was changed; warnings deserve a look.
    findings = models.JSONField(default=list)
    warnings = models.JSONField(default=list)

    class Meta:
        db_table = "audit_verification_runs"
        default_permissions = ()
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"verification of {self.started_at:%Y-%m-%d %H:%M}"
