"""Applications, who is signed in to them, and the keys that sign their tokens."""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0024_application_permissions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("kid", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                (
                    "algorithm",
                    models.CharField(
                        choices=[("RS256", "RS256"), ("ES256", "ES256"), ("EdDSA", "EdDSA")], max_length=8
                    ),
                ),
                ("private_key", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("signs_from", models.DateTimeField(default=django.utils.timezone.now)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "oidc_keys",
                "ordering": ("created_at", "kid"),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Subject",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="subject",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("value", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ],
            options={
                "db_table": "subjects",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Application",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client_id", models.CharField(editable=False, max_length=40, unique=True)),
                ("name", models.CharField(max_length=80)),
                ("slug", models.CharField(editable=False, max_length=16, unique=True)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("home_url", models.CharField(blank=True, max_length=500, verbose_name="address")),
                (
                    "kind",
                    models.CharField(
                        choices=[("confidential", "Confidential"), ("public", "Public")],
                        default="confidential",
                        max_length=16,
                    ),
                ),
                ("redirect_uris", models.JSONField(blank=True, default=list, verbose_name="redirect URIs")),
                (
                    "post_logout_redirect_uris",
                    models.JSONField(blank=True, default=list, verbose_name="post-logout redirect URIs"),
                ),
                (
                    "backchannel_logout_uri",
                    models.CharField(blank=True, max_length=500, verbose_name="back-channel logout URI"),
                ),
                (
                    "signing_alg",
                    models.CharField(
                        choices=[("RS256", "RS256"), ("ES256", "ES256"), ("EdDSA", "EdDSA")],
                        default="RS256",
                        max_length=8,
                        verbose_name="signing algorithm",
                    ),
                ),
                ("offline_access", models.BooleanField(default=False)),
                (
                    "access_token_minutes",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(60),
                        ],
                    ),
                ),
                ("secret_hash", models.CharField(blank=True, editable=False, max_length=64)),
                ("secret_created_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("previous_secret_hash", models.CharField(blank=True, editable=False, max_length=64)),
                ("previous_secret_expires_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("is_for_everybody", models.BooleanField(default=True, editable=False)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "roles",
                    models.ManyToManyField(
                        blank=True, db_table="application_roles", related_name="applications", to="accounts.role"
                    ),
                ),
                (
                    "service_account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="serving_applications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "applications",
                "ordering": ("name", "id"),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AppSignIn",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("scope", models.CharField(blank=True, max_length=200)),
                ("nonce", models.CharField(blank=True, max_length=512)),
                ("redirect_uri", models.CharField(blank=True, max_length=500)),
                ("code_hash", models.CharField(blank=True, max_length=64)),
                ("code_challenge", models.CharField(blank=True, max_length=128)),
                ("code_expires_at", models.DateTimeField(blank=True, null=True)),
                ("code_used_at", models.DateTimeField(blank=True, null=True)),
                ("access_hash", models.CharField(blank=True, max_length=64)),
                ("access_expires_at", models.DateTimeField(blank=True, null=True)),
                ("refresh_hash", models.CharField(blank=True, max_length=64)),
                ("auth_time", models.DateTimeField(default=django.utils.timezone.now)),
                ("amr", models.JSONField(blank=True, default=list)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("end_reason", models.CharField(blank=True, max_length=32)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sign_ins", to="sso.application"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="app_sign_ins",
                        to="accounts.session",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="app_sign_ins",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "app_sign_ins",
                "ordering": ("-created_at", "id"),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DeviceRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device_hash", models.CharField(max_length=64, unique=True)),
                ("user_code_hash", models.CharField(db_index=True, max_length=64)),
                ("scope", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("last_polled_at", models.DateTimeField(blank=True, null=True)),
                ("interval", models.PositiveSmallIntegerField(default=5)),
                (
                    "decided",
                    models.CharField(
                        blank=True, choices=[("approved", "Approved"), ("denied", "Denied")], max_length=8
                    ),
                ),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="device_requests",
                        to="sso.application",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.session",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "device_requests",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="LogoutNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.UUIDField()),
                ("sid", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("last_error", models.CharField(blank=True, max_length=200)),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                ("failed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="logout_notices", to="sso.application"
                    ),
                ),
                (
                    "sign_in",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="logout_notices", to="sso.appsignin"
                    ),
                ),
            ],
            options={
                "db_table": "logout_notices",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SpentToken",
            fields=[
                ("hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("spent_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "sign_in",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="spent_tokens", to="sso.appsignin"
                    ),
                ),
            ],
            options={
                "db_table": "app_spent_tokens",
                "default_permissions": (),
            },
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("name"), name="application_name_unique"
            ),
        ),
        migrations.AddIndex(
            model_name="appsignin",
            index=models.Index(fields=["application", "-created_at"], name="app_sign_in_application"),
        ),
        migrations.AddIndex(
            model_name="appsignin",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["user"], name="app_sign_in_unended"
            ),
        ),
        migrations.AddConstraint(
            model_name="appsignin",
            constraint=models.UniqueConstraint(
                condition=models.Q(("code_hash", ""), _negated=True), fields=("code_hash",), name="app_sign_in_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="appsignin",
            constraint=models.UniqueConstraint(
                condition=models.Q(("access_hash", ""), _negated=True),
                fields=("access_hash",),
                name="app_sign_in_access",
            ),
        ),
        migrations.AddConstraint(
            model_name="appsignin",
            constraint=models.UniqueConstraint(
                condition=models.Q(("refresh_hash", ""), _negated=True),
                fields=("refresh_hash",),
                name="app_sign_in_refresh",
            ),
        ),
        migrations.AddIndex(
            model_name="devicerequest",
            index=models.Index(fields=["expires_at"], name="device_request_expires"),
        ),
        migrations.AddIndex(
            model_name="logoutnotice",
            index=models.Index(
                condition=models.Q(("delivered_at__isnull", True), ("failed_at__isnull", True)),
                fields=["due_at"],
                name="logout_notice_due",
            ),
        ),
    ]
