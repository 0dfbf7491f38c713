"""Settings of the servers that tests start: the real ones, but checking a password takes no quarter of a second."""

from accounts.core.hashers import BCryptPasswordHasher
from reprotech.settings import *  # noqa: F403 (all of them)


class QuickHasher(BCryptPasswordHasher):
    """The same with the least cost."""

    rounds = 4


PASSWORD_HASHERS = ["reprotech.tests.support.server_settings.QuickHasher"]
