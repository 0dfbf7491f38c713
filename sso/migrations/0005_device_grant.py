"""Device sign-in by application, notices that outlive their application, and families of refresh tokens."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

#: On for applications at which a device was signed in, or asks for it: such a sign-in has a session and no code.
KEEP_DEVICES = """
    UPDATE applications SET device_grant = true WHERE id IN (
        SELECT application_id FROM device_requests
        UNION SELECT application_id FROM app_sign_ins WHERE session_id IS NOT NULL AND code_hash = ''
    )
"""
NAME_CLIENTS = """
    UPDATE logout_notices
    SET client_id = (SELECT client_id FROM applications WHERE applications.id = logout_notices.application_id)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("sso", "0004_sign_in_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="application",
            name="device_grant",
            field=models.BooleanField(db_default=False, default=False, verbose_name="device sign-in"),
        ),
        migrations.AddField(
            model_name="appsignin",
            name="refresh_family_hash",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="logoutnotice",
            name="client_id",
            field=models.CharField(db_default="", max_length=40, verbose_name="client ID"),
        ),
        migrations.AddField(
            model_name="logoutnotice",
            name="name",
            field=models.CharField(blank=True, db_default="", max_length=80),
        ),
        migrations.AddField(
            model_name="logoutnotice",
            name="address",
            field=models.CharField(blank=True, db_default="", max_length=500),
        ),
        migrations.AddField(
            model_name="logoutnotice",
            name="signing_alg",
            field=models.CharField(blank=True, db_default="", max_length=8, verbose_name="signing algorithm"),
        ),
        migrations.AlterField(
            model_name="logoutnotice",
            name="application",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="logout_notices",
                to="sso.application",
            ),
        ),
        migrations.AlterField(
            model_name="logoutnotice",
            name="sign_in",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="logout_notices",
                to="sso.appsignin",
            ),
        ),
        migrations.AddIndex(
            model_name="appsignin",
            index=models.Index(fields=["refresh_family_hash"], name="app_sign_in_family"),
        ),
        migrations.DeleteModel(
            name="SpentToken",
        ),
        migrations.AlterModelOptions(
            name="appsignin",
            options={
                "default_permissions": (),
                "ordering": ("-created_at", "id"),
                "verbose_name": "sign-in to an application",
                "verbose_name_plural": "sign-ins to applications",
            },
        ),
        migrations.AlterField(
            model_name="application",
            name="access_token_minutes",
            field=models.PositiveSmallIntegerField(
                default=5,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(60),
                ],
                verbose_name="access token lifetime in minutes",
            ),
        ),
        migrations.AlterField(
            model_name="application",
            name="client_id",
            field=models.CharField(editable=False, max_length=40, unique=True, verbose_name="client ID"),
        ),
        migrations.AlterField(
            model_name="application",
            name="previous_secret_expires_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="old secret works until"),
        ),
        migrations.AlterField(
            model_name="application",
            name="slug",
            field=models.CharField(editable=False, max_length=16, unique=True, verbose_name="short name"),
        ),
        migrations.AlterField(
            model_name="appsignin",
            name="amr",
            field=models.JSONField(blank=True, default=list, verbose_name="authentication methods"),
        ),
        migrations.AlterField(
            model_name="appsignin",
            name="auth_time",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="authenticated at"),
        ),
        migrations.AlterField(
            model_name="appsignin",
            name="redirect_uri",
            field=models.CharField(blank=True, max_length=500, verbose_name="redirect URI"),
        ),
        migrations.AlterField(
            model_name="logoutnotice",
            name="sid",
            field=models.CharField(max_length=64, verbose_name="session ID"),
        ),
        migrations.AlterField(
            model_name="signingkey",
            name="kid",
            field=models.CharField(
                editable=False, max_length=64, primary_key=True, serialize=False, verbose_name="key ID"
            ),
        ),
        migrations.RunSQL([KEEP_DEVICES, NAME_CLIENTS], migrations.RunSQL.noop),
    ]
