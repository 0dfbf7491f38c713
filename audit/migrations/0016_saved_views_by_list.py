from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0015_captured_changes")]

    operations = [
        migrations.AddField(
            model_name="savedfilter",
            name="list_name",
            field=models.CharField(db_default="audit", default="audit", max_length=20),
        ),
    ]
