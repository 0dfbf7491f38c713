from rest_framework import serializers


class UserFileBody(serializers.Serializer[object]):
    """Body of `POST /api/users/import` as a form."""

    file = serializers.FileField()


class UsersImportedAnswer(serializers.Serializer[object]):
    """How many users were created or, in a dry run, would be."""

    created = serializers.IntegerField()
    dry_run = serializers.BooleanField()
    ignored_columns = serializers.ListField(
        child=serializers.CharField(), help_text="Headings of the columns that were left out."
    )
