"""Tables that PostgreSQL's triggers maintain, so that long lists need neither be counted nor scanned."""

from django.db import models


class UserCount(models.Model):
    """By how much a number of users changed; `accounts.user_list.counters` sums these rows and compacts them."""

    name = models.CharField(max_length=40)
    change = models.BigIntegerField()

    class Meta:
        db_table = "user_counts"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} {self.change:+d}"


class UserDay(models.Model):
    """How many accounts were created and deleted on a day; `accounts.user_list.counters` sums these rows."""

    day = models.DateField(db_index=True)
    created = models.BigIntegerField()
    deleted = models.BigIntegerField()

    class Meta:
        db_table = "user_days"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day} {self.created:+d} {-self.deleted:+d}"


class UserSignpost(models.Model):
    """A pagination anchor of `accounts.user_list.page_index`: the user at a position of a sorted list at that time."""

    #: As in the list's address: a column, with `-` in front for descending.
    sort = models.CharField(max_length=20)
    #: 1 for the first of all.
    position = models.BigIntegerField()
    user_id = models.BigIntegerField()
    #: The value that was sorted by, as PostgreSQL writes it.
    key = models.TextField(null=True)  # noqa: DJ001 (no value is not an empty one)

    class Meta:
        db_table = "user_signposts"
        default_permissions = ()
        indexes = (models.Index(fields=["sort", "position"], name="user_signpost"),)

    def __str__(self) -> str:
        return f"{self.sort} {self.position}: user {self.user_id}"


class UserMove(models.Model):
    """A rank delta: a user got a key (+1) in the order of a column, or lost it (-1), since its anchors were stored."""

    sort = models.CharField(max_length=20)
    change = models.SmallIntegerField()
    user_id = models.BigIntegerField()
    key = models.TextField(null=True)  # noqa: DJ001 (no value is not an empty one)

    class Meta:
        db_table = "user_moves"
        default_permissions = ()
        indexes = (models.Index(fields=["sort"], name="user_move_sort"),)

    def __str__(self) -> str:
        return f"{self.sort} {self.change:+d}: user {self.user_id}"
