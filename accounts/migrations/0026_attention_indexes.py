"""Indexes for what the dashboard counts after each event, and the list finds, among a million users."""

from datetime import UTC, datetime

from django.db import migrations, models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

CAN_SIGN_IN = Q(("deleted_at__isnull", True), ("is_active", True), ("locked_at__isnull", True))
PEOPLE = CAN_SIGN_IN & Q(("is_service", False))
INVITED = PEOPLE & Q(("last_login__isnull", True), ("password__startswith", "!"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0025_email_verified")]

    operations = [
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(
                condition=Q(("revoked_at__isnull", True)), fields=["expires_at"], name="api_key_unrevoked"
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                Coalesce("invited_at", Value(datetime(1970, 1, 1, tzinfo=UTC))),
                condition=INVITED,
                name="user_last_invited",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(Coalesce("last_login", "created_at"), condition=PEOPLE, name="user_last_seen"),
        ),
    ]
