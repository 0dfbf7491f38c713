from django.db import migrations, models

COLUMNS = {
    "app_sign_in_code": "code_hash",
    "app_sign_in_access": "access_hash",
    "app_sign_in_refresh": "refresh_hash",
}


class Migration(migrations.Migration):
    dependencies = [
        ("sso", "0002_device_origin"),
    ]

    operations = [
        *(migrations.RemoveConstraint(model_name="appsignin", name=name) for name in COLUMNS),
        *(
            migrations.AddIndex(model_name="appsignin", index=models.Index(fields=[column], name=name))
            for name, column in COLUMNS.items()
        ),
    ]
