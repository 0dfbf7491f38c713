"""How people want the pages to look."""

from django.db import models

from accounts.models.users import User


class Preferences(models.Model):
    """A person's choices for the pages. Nothing but what they themselves see depends on them."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="preferences")
    #: A name of the time zone database; "" for that of the device.
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    #: By list: {"users": {"columns": [names], "is_compact": false}}. Unknown names are ignored.
    lists = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "user_preferences"
        default_permissions = ()
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"
