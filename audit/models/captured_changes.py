"""Changes that database triggers noted; `audit.capture.triggers` lists the tables."""

from django.db import models


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
