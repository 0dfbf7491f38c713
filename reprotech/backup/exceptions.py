"""The failure that backup and restore report."""


class BackupFailed(Exception):
    """The message is a sentence that says why."""
