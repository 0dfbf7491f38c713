"""Lets PostgreSQL know how many people haven't signed in for long.

It takes no figures from a partial index, such as the one that finds them, and would suppose that a third of all users
haven't: then it reads many thousands to fill a page, or to count, where there are none.
"""

from django.db import migrations

CREATE = """
CREATE STATISTICS IF NOT EXISTS user_last_seen_statistics ON (COALESCE(last_login, created_at)) FROM users;
ANALYZE users;
"""
DROP = "DROP STATISTICS IF EXISTS user_last_seen_statistics"


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        # Rows whose references wait to be checked would be in its way.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        schema_editor.execute(CREATE)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0032_imported_people")]

    operations = [migrations.RunPython(create, drop)]
