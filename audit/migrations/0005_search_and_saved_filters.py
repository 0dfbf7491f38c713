"""Full-text search in events, and views of the log that people keep."""

import django.db.models.functions.text
import django.utils.timezone
from django.db import migrations, models


def index_words(apps, schema_editor):
    """On PostgreSQL; the expression is that of `audit.full_text.Mentions` without the table's name."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX audit_words ON audit_logs USING gin (to_tsvector('simple', regexp_replace("
            "username::text || ' ' || resource_name::text || ' ' || details::text, '[^[:alnum:]]+', ' ', 'g')))"
        )


def drop_words(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX audit_words")


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_keys_anchors_and_upkeep"),
    ]

    operations = [
        migrations.RunPython(index_words, drop_words),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=50)),
                ("query", models.CharField(max_length=2000)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "audit_saved_filters",
                "ordering": ("name",),
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("user_id"),
                        django.db.models.functions.text.Lower("name"),
                        name="audit_saved_filter_unique",
                    )
                ],
            },
        ),
    ]
