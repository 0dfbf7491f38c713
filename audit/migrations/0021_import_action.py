"""Importing a file of people."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0020_server_configurations"),
    ]

    operations = [
        migrations.AlterField(
            model_name="auditlog",
            name="action",
            field=models.CharField(
                choices=[
                    ("login", "Login"),
                    ("logout", "Logout"),
                    ("token_refresh", "Token Refresh"),
                    ("session_revoke", "Session Revoke"),
                    ("session_end", "Session End"),
                    ("create", "Create"),
                    ("update", "Update"),
                    ("delete", "Delete"),
                    ("password_change", "Password Change"),
                    ("password_reset", "Password Reset"),
                    ("lock", "Lock"),
                    ("unlock", "Unlock"),
                    ("role_assign", "Role Assign"),
                    ("role_revoke", "Role Revoke"),
                    ("export", "Export"),
                    ("import", "Import"),
                    ("access_denied", "Access Denied"),
                    ("key_rotate", "Key Rotate"),
                    ("erase", "Erase"),
                    ("archive", "Archive"),
                    ("key_create", "Key Create"),
                    ("key_revoke", "Key Revoke"),
                    ("factor_add", "Factor Add"),
                    ("factor_remove", "Factor Remove"),
                    ("factor_reset", "Factor Reset"),
                    ("recovery_code_used", "Recovery Code Used"),
                    ("recovery_codes_renewed", "Recovery Codes Renewed"),
                    ("app_login", "App Login"),
                    ("app_denied", "App Denied"),
                    ("review_open", "Review Open"),
                    ("review_decide", "Review Decide"),
                    ("review_close", "Review Close"),
                ],
                max_length=32,
            ),
        ),
    ]
