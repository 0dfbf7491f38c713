"""What servers were started with, to find what the next start changed."""

from django.db import models


class ServerConfiguration(models.Model):
    """The settings, version and packages of a server's last start: readable values, and keyed codes of secrets."""

    #: INSTANCE, the server's name.
    instance = models.CharField(max_length=64, primary_key=True)
    state = models.JSONField()
    #: Keyed codes of this state and the one before it: another server's start made the same change, or didn't.
    digest = models.CharField(max_length=64)
    previous_digest = models.CharField(max_length=64, blank=True)
    #: When the server read its settings.
    started_at = models.DateTimeField()
    #: When the last change was put on record, and its event. No foreign key: the event may be archived.
    changed_at = models.DateTimeField()
    event_id = models.BigIntegerField()

    class Meta:
        db_table = "server_configurations"
        default_permissions = ()
        ordering = ("-changed_at", "-started_at")

    def __str__(self) -> str:
        return self.instance
