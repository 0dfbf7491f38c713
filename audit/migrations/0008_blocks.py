from django.db import migrations, models

from audit.blocks import REBUILD


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
        migrations.RunSQL(REBUILD, migrations.RunSQL.noop),
    ]
