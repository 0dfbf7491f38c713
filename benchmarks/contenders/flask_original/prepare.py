"""Make the tables; print the hash of $PASSWORD."""

import os

import bcrypt
from app import app, db

with app.app_context():
    db.create_all()
print(bcrypt.hashpw(os.environ["PASSWORD"].encode(), bcrypt.gensalt()).decode())
