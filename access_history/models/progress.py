"""How far the log was replayed, and what a rebuild can't take from it any more."""

from django.db import models


class HistoryState(models.Model):
    """How far the log was replayed, and the outcome of the last check: one row."""

    ONLY_ID = 1

    #: The last event that was replayed, 0 before the first; those between it and the next that matters don't matter.
    last_event = models.BigIntegerField(default=0)
    last_at = models.DateTimeField(null=True)
    #: The moment of the log's first event.
    begins_at = models.DateTimeField(null=True)
    replayed_at = models.DateTimeField(null=True)
    #: Events that contradicted those before them, and sentences about the first ones.
    contradiction_count = models.PositiveIntegerField(default=0)
    contradictions = models.JSONField(default=list)
    #: The last check: when, how many differences it found, and sentences about the first ones.
    checked_at = models.DateTimeField(null=True)
    difference_count = models.PositiveIntegerField(default=0)
    differences = models.JSONField(default=list)

    class Meta:
        db_table = "access_history_state"
        default_permissions = ()

    def __str__(self) -> str:
        return f"replayed until event {self.last_event}"


class AccountDay(models.Model):
    """How many account periods began and ended on a day (UTC), so that a total needs no count of all of them."""

    day = models.DateField(primary_key=True)
    begun = models.IntegerField(default=0)
    ended = models.IntegerField(default=0)

    class Meta:
        db_table = "access_account_days"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day}: {self.begun} begun, {self.ended} ended"


class ArchivedState(models.Model):
    """What held after the last event that was archived and dropped: a rebuild begins here.

    What had ended by then is in the tables of periods, which no later event changes.
    """

    #: `user` or `role`.
    kind = models.CharField(max_length=8)
    subject_id = models.BigIntegerField()
    state = models.JSONField()

    class Meta:
        db_table = "access_archived_states"
        default_permissions = ()
        constraints = (models.UniqueConstraint("kind", "subject_id", name="access_archived_state_unique"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
