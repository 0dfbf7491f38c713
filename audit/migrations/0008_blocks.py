from django.db import migrations, models

COUNT = """
    INSERT INTO audit_blocks (block, events) SELECT event_id / 4096, count(*) FROM audit_leaves
    WHERE EXISTS (SELECT 1 FROM audit_logs WHERE audit_logs.id = event_id) GROUP BY event_id / 4096
"""


class Migration(migrations.Migration):
    """How many sealed events there are, by their ids."""

    dependencies = [("audit", "0007_key_and_factor_actions")]

    operations = [
        migrations.CreateModel(
            name="Block",
            fields=[
                ("block", models.BigIntegerField(primary_key=True, serialize=False)),
                ("events", models.BigIntegerField()),
            ],
            options={"db_table": "audit_blocks", "default_permissions": ()},
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
