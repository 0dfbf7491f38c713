from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("sso", "0003_token_indexes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="appsignin",
            index=models.Index(
                fields=["application", "user"],
                condition=Q(ended_at__isnull=True, session__isnull=False),
                name="app_sign_in_people",
            ),
        ),
    ]
