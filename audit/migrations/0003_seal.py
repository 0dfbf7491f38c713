"""The Merkle tree's tables, what events need to be sealed, and the triggers that make all of it append-only."""

import os

import django.utils.timezone
from django.db import migrations, models

import audit.models
from audit import append_only
from audit.authenticity import authentication_code, plain_details
from audit.canonical import SALT_BYTES, VERSION, SealedRow

BATCH = 1000


def authenticate_existing(apps, schema_editor):
    """Give the events that are there salts and codes, as if they were written now."""
    AuditLog = apps.get_model("audit", "AuditLog")
    last = 0
    while rows := list(AuditLog._base_manager.filter(pk__gt=last).order_by("pk")[:BATCH]):
        for row in rows:
            row.actor_opening, row.subject_opening = os.urandom(SALT_BYTES), os.urandom(SALT_BYTES)
            row.details = plain_details(row.details)
            row.authentication = authentication_code(SealedRow(*(getattr(row, name) for name in SealedRow._fields)))
        AuditLog._base_manager.bulk_update(rows, ["details", "actor_opening", "subject_opening", "authentication"])
        last = rows[-1].pk


def note_transactions(apps, schema_editor):
    """On PostgreSQL each row tells which transaction wrote it, so that the sealer finds new ones; see `audit.sealing`."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE audit_logs ADD COLUMN transaction_id bigint")
        schema_editor.execute(
            "ALTER TABLE audit_logs ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()::text::bigint"
        )
        schema_editor.execute("CREATE INDEX audit_transaction ON audit_logs (transaction_id)")


def forget_transactions(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE audit_logs DROP COLUMN transaction_id")


def install_triggers(apps, schema_editor):
    for statement in append_only.install(schema_editor.connection.vendor):
        schema_editor.execute(statement, None)


def remove_triggers(apps, schema_editor):
    for statement in append_only.remove(schema_editor.connection.vendor):
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_request_session_and_resource_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField(unique=True)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={"db_table": "audit_leaves", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Node",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.PositiveSmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={"db_table": "audit_nodes", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("public_key", models.BinaryField(max_length=32)),
                ("statement", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={"db_table": "audit_keys", "ordering": ("id",), "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sealed_at", models.DateTimeField(db_index=True)),
                ("note", models.TextField()),
            ],
            options={"db_table": "audit_checkpoints", "ordering": ("size",), "default_permissions": ()},
        ),
        migrations.AddField(
            model_name="auditlog",
            name="version",
            field=models.PositiveSmallIntegerField(default=VERSION, editable=False),
        ),
        migrations.AddField(
            model_name="auditlog",
            name="actor_opening",
            field=models.BinaryField(default=audit.models.new_salt, max_length=32),
        ),
        migrations.AddField(
            model_name="auditlog",
            name="subject_opening",
            field=models.BinaryField(default=audit.models.new_salt, max_length=32),
        ),
        migrations.AddField(
            model_name="auditlog",
            name="authentication",
            field=models.BinaryField(default=b"", max_length=32),
            preserve_default=False,
        ),
        migrations.RunPython(authenticate_existing, migrations.RunPython.noop),
        migrations.RunPython(note_transactions, forget_transactions),
        migrations.RunPython(install_triggers, remove_triggers),
    ]
