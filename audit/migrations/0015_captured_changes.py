"""The table of changes that the database notes by itself. Its triggers come after each migration: `audit.change_capture`."""

from django.db import migrations, models


def remove_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS audit_capture_change() CASCADE")
        schema_editor.execute("DROP FUNCTION IF EXISTS audit_remove_captured_changes(bigint[])")
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_capture_%'")
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        schema_editor.execute(f'DROP TRIGGER "{name}"')


class Migration(migrations.Migration):
    dependencies = [("audit", "0014_session_end")]

    operations = [
        migrations.CreateModel(
            name="CapturedChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("transaction_id", models.BigIntegerField(null=True)),
                ("changed_at", models.DateTimeField()),
                ("database_role", models.TextField(blank=True, default="")),
                ("application", models.TextField(blank=True, default="")),
                ("client_address", models.GenericIPAddressField(null=True)),
                ("table_name", models.TextField()),
                ("row_key", models.TextField(blank=True, default="")),
                ("subjects", models.TextField()),
                ("verb", models.TextField()),
                ("columns", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "audit_captured_changes",
                "ordering": ("id",),
                "default_permissions": (),
                "indexes": [models.Index(fields=["transaction_id"], name="audit_captured_transaction")],
            },
        ),
        migrations.RunPython(migrations.RunPython.noop, remove_triggers),
    ]
