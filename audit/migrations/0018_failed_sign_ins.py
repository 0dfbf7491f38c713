"""An index of failed sign-ins alone: after each event the dashboard looks for the latest of them."""

from django.db import migrations, models
from django.db.models import Q

COLUMNS = 'ON "audit_logs" ("timestamp" DESC, "id" DESC) WHERE "action" = \'login\' AND NOT "success"'


def create(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    # PostgreSQL keeps one that was being built when the migration was broken off, and never uses it.
    schema_editor.execute('DROP INDEX IF EXISTS "audit_failed_sign_ins"')
    # Events are written meanwhile: of ten million it takes a while.
    how = "CONCURRENTLY " if is_postgresql else ""
    schema_editor.execute(f'CREATE INDEX {how}"audit_failed_sign_ins" {COLUMNS}')


def drop(apps, schema_editor):
    schema_editor.execute('DROP INDEX IF EXISTS "audit_failed_sign_ins"')


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audit", "0017_application_actions")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop)],
            state_operations=[
                migrations.AddIndex(
                    model_name="auditlog",
                    index=models.Index(
                        condition=Q(("action", "login"), ("success", False)),
                        fields=["-timestamp", "-id"],
                        name="audit_failed_sign_ins",
                    ),
                ),
            ],
        ),
    ]
