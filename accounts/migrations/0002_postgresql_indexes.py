from django.db import migrations

INDEXES = {
    "user_search": "USING gin (search_text gin_trgm_ops)",
    "user_by_last_login": "(last_login ASC NULLS LAST, id) WHERE deleted_at IS NULL",
    "user_by_recent_login": "(last_login DESC NULLS LAST, id) WHERE deleted_at IS NULL",
}


def create_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        for name, definition in INDEXES.items():
            schema_editor.execute(f"CREATE INDEX {name} ON users {definition}")


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    """What SQLite has no word for: trigrams, and sorting empty values last by an index."""

    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(create_indexes, drop_indexes)]
