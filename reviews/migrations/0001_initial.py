"""Access reviews and their items."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0026_attention_indexes"),
        ("sso", "0003_token_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("series", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("name", models.CharField(max_length=80)),
                (
                    "scope_kind",
                    models.CharField(
                        choices=[
                            ("roles", "Roles"),
                            ("users", "Users"),
                            ("keys", "Keys"),
                            ("applications", "Applications"),
                        ],
                        max_length=16,
                    ),
                ),
                ("due", models.DateField()),
                (
                    "if_unanswered",
                    models.CharField(
                        choices=[("keep", "Keep"), ("remove", "Remove"), ("lock", "Lock")], default="keep", max_length=8
                    ),
                ),
                ("every_months", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("next_opens_on", models.DateField(blank=True, null=True)),
                ("first_opened_on", models.DateField(editable=False)),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("closed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("reminded", models.CharField(blank=True, default="", editable=False, max_length=16)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reviewer_role",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.role",
                    ),
                ),
                (
                    "reviewers",
                    models.ManyToManyField(
                        blank=True, db_table="review_reviewers", related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "roles",
                    models.ManyToManyField(blank=True, db_table="review_roles", related_name="+", to="accounts.role"),
                ),
            ],
            options={
                "db_table": "reviews",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ReviewItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("account", "Account"),
                            ("grant", "Grant"),
                            ("role", "Role"),
                            ("key", "Key"),
                            ("application", "Application"),
                        ],
                        max_length=16,
                    ),
                ),
                ("facts", models.JSONField(default=dict)),
                ("changes", models.JSONField(default=dict)),
                ("is_unchanged", models.BooleanField(default=False)),
                (
                    "decision",
                    models.CharField(
                        blank=True, choices=[("keep", "Keep"), ("change", "Change"), ("remove", "Remove")], max_length=8
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("is_unanswered", models.BooleanField(default=False)),
                ("action", models.CharField(blank=True, max_length=8)),
                (
                    "outcome",
                    models.CharField(
                        blank=True, choices=[("due", "Due"), ("done", "Done"), ("pending", "Pending")], max_length=8
                    ),
                ),
                ("outcome_note", models.CharField(blank=True, max_length=300)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "application",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="sso.application",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "done_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.apikey",
                    ),
                ),
                (
                    "last_review",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="reviews.review",
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="items", to="reviews.review"
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.role",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "review_items",
                "ordering": ("review", "position"),
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(condition=models.Q(("closed_at__isnull", True)), fields=["due"], name="review_open_due"),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(
                condition=models.Q(("next_opens_on__isnull", False)), fields=["next_opens_on"], name="review_next"
            ),
        ),
        migrations.AddIndex(
            model_name="reviewitem",
            index=models.Index(fields=["user", "-review"], name="review_item_user"),
        ),
        migrations.AddIndex(
            model_name="reviewitem",
            index=models.Index(
                condition=models.Q(("outcome", "pending")), fields=["review"], name="review_item_pending"
            ),
        ),
        migrations.AddIndex(
            model_name="reviewitem",
            index=models.Index(condition=models.Q(("outcome", "due")), fields=["review"], name="review_item_due"),
        ),
        migrations.AddConstraint(
            model_name="reviewitem",
            constraint=models.UniqueConstraint(fields=("review", "position"), name="review_item_position"),
        ),
    ]
