"""Numbers that are kept, not counted."""

from django.db import models


class UserCount(models.Model):
    """By how much the number of some users changed; `accounts.counts` sums these rows up and folds them."""

    name = models.CharField(max_length=40)
    change = models.BigIntegerField()

    class Meta:
        db_table = "user_counts"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} {self.change:+d}"
