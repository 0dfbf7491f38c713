from django.db import migrations, models

REBUILD = """
    INSERT INTO audit_blocks (block, events, first_at, last_at)
    SELECT event_id / 4096, count(*), min(timestamp), max(timestamp)
    FROM audit_leaves JOIN audit_logs ON audit_logs.id = event_id GROUP BY event_id / 4096
"""
#: `audit.sealing.LOCK`: a server that runs meanwhile doesn't seal.
SEALING = 0x5EA1_A0D1


def keep_from_sealing(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALING])


class Migration(migrations.Migration):
    """When the events of each block happened."""

    dependencies = [("audit", "0009_daily_counts")]

    operations = [
        migrations.RunPython(keep_from_sealing, migrations.RunPython.noop),
        migrations.AddField("Block", "first_at", models.DateTimeField(null=True)),
        migrations.AddField("Block", "last_at", models.DateTimeField(null=True)),
        migrations.RunSQL(["DELETE FROM audit_blocks", REBUILD], migrations.RunSQL.noop),
    ]
