"""What is remembered of people besides their accounts: usernames that they had, and lists that they stood in.

No username is ever reused, or events of two people would look like one person's.
"""

from django.db import models
from django.utils import timezone

from accounts.models.users import User


class FormerUsername(models.Model):
    """A username, in lower case, that an account had before; of an erased person a keyed hash without the account."""

    #: A hash is told from a name by its colon, which no username has.
    name = models.CharField(max_length=100, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="former_usernames")

    class Meta:
        db_table = "former_usernames"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class UsernameKey(models.Model):
    """The random key of these hashes, encrypted by `accounts.core.encryption` so that it outlives every SECRET_KEY."""

    sealed_key = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "username_keys"
        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"key {self.pk} of erased usernames"


class ImportedPerson(models.Model):
    """Someone whom an import that updates created or found, by the name of the list that the file was.

    It decides who is shown as a leaver, and nothing else: whose access ends is chosen, and each end is on record.
    """

    source = models.CharField(max_length=60)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="imported_in")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "imported_people"
        default_permissions = ()
        ordering = ("id",)
        verbose_name_plural = "imported people"
        constraints = (models.UniqueConstraint(fields=["source", "user"], name="imported_person_unique"),)

    def __str__(self) -> str:
        return f"user {self.user_id} of {self.source}"
