"""Who else chose the address of an account, and so may read the mail with its links; roles that people may ask for."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

#: System roles that administer nothing. Roles of the laboratory's own stay hidden: nobody chose yet that all read them.
SHIPPED = """
    UPDATE roles SET is_requestable = true
    WHERE is_system AND slug IN ('researcher', 'veterinarian', 'lab_technician', 'viewer')
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0030_end_notices")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="email_set_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="role",
            name="is_requestable",
            field=models.BooleanField(db_default=False, default=False, verbose_name="people may ask for it"),
        ),
        migrations.RunSQL(SHIPPED, migrations.RunSQL.noop),
    ]
