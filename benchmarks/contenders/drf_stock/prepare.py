"""Make the tables; print the hash of $PASSWORD."""

import os

import app  # noqa: F401 (starts Django)
from django.contrib.auth.hashers import make_password
from django.core.management import call_command

call_command("migrate", verbosity=0)
print(make_password(os.environ["PASSWORD"]))
