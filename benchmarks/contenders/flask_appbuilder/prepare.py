"""Make the tables; print the hash of $PASSWORD."""

import os

os.environ["UPDATE_PERMISSIONS"] = "yes"

import app  # noqa: F401 (makes tables and permissions as it starts)
from werkzeug.security import generate_password_hash

print(generate_password_hash(os.environ["PASSWORD"]))
