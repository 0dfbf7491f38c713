"""Settings of the servers that tests start: the real ones, but checking a password takes no quarter of a second."""

from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from reprotech.settings import *  # noqa: F403 (all of them)

BCryptSHA256PasswordHasher.rounds = 4
