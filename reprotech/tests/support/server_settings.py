"""Settings of the servers that tests start: the real ones, but checking a password takes no quarter of a second."""

from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from reprotech.settings import *  # noqa: F403 (all of them)

BCryptSHA256PasswordHasher.rounds = 4

# In development a browser asks for each file of each page again, and the server looks for it in all folders again.
# Kept for ten minutes, files spare a page of a browser test a third of its time.
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 600
