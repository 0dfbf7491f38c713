"""Settings of the servers that tests start: the real ones, but for what takes long or relies on a fast machine."""

import gc

from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from reprotech.settings import *  # noqa: F403 (all of them)
from reprotech.testing.commands import FEW_COLLECTIONS

gc.set_threshold(*FEW_COLLECTIONS)  # a server's start is mostly imports

BCryptSHA256PasswordHasher.rounds = 4  # checking a password takes a quarter of a second otherwise

# On a busy machine half a second without an answer doesn't mean that Valkey is out of reach: each server would go on
# with counters and a cache of its own.
REDIS_TIMEOUT = 60
CACHES = {"default": cache_settings(REDIS_URL, REDIS_TIMEOUT)}  # noqa: F405

# In development a browser asks for each file of each page again, and the server looks for it in all folders again.
# Kept for ten minutes, files spare a page of a browser test a third of its time.
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 600
