"""Settings of servers on which guesses overlap: checking a password takes as long as a real one."""

from reprotech.tests.support.server_settings import *  # noqa: F403 (all of them)

BCryptSHA256PasswordHasher.rounds = 12  # noqa: F405
