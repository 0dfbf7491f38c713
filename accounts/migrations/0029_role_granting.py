"""Roles whose holders may give certain others, and who else may know a password."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0028_exclusions")]

    operations = [
        migrations.AddField(
            model_name="role",
            name="may_grant",
            field=models.ManyToManyField(
                blank=True, db_table="role_may_grant", related_name="given_through", to="accounts.role"
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="password_set_by",
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
    ]
