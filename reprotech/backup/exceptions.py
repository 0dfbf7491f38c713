"""Why a backup could not be made, read or restored."""


class BackupFailed(Exception):
    """The message is a sentence that says why."""
