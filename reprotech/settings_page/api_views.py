from typing import ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import SETTINGS_READ
from reprotech import __version__
from reprotech.api.viewsets import ViewSet
from reprotech.settings_page.facts import SOURCES, edited_since, rows

BUILT_IN = "built in"
#: The API's names of the sources that the page shows.
SOURCE_NAMES = {label: name for name, label in SOURCES.items()}

SETTING = inline_serializer(
    "Setting",
    {
        "name": serializers.CharField(allow_null=True, help_text="The environment variable; null where there is none"),
        "label": serializers.CharField(),
        "value": serializers.CharField(allow_blank=True, help_text="In words; of a secret only whether it is set"),
        "source": serializers.ChoiceField(choices=[*SOURCES, BUILT_IN]),
        "explanation": serializers.CharField(allow_blank=True),
        "warnings": serializers.ListField(child=serializers.CharField(), help_text="What is unsafe about it"),
    },
    many=True,
)
GROUP = inline_serializer(
    "SettingsGroup", {"name": serializers.CharField(), "title": serializers.CharField(), "settings": SETTING}, many=True
)
ANSWER = inline_serializer(
    "Settings",
    {
        "version": serializers.CharField(),
        "build": serializers.CharField(),
        "in_force_since": serializers.DateTimeField(),
        "edited_at": serializers.DateTimeField(
            allow_null=True, help_text="When `.env` was changed after the server read it: a restart is needed"
        ),
        "groups": GROUP,
    },
)


class SettingsViewSet(ViewSet):
    required_permissions: ClassVar = {"list": SETTINGS_READ}

    @extend_schema(responses=ANSWER, summary="What is in force")
    def list(self, request: Request) -> Response:  # noqa: ARG002
        """Each setting with its value in words, where it came from and what is unsafe about it.

        The environment decides them: they can't be changed here. Secrets are never shown, only whether they are set.
        """
        groups = [
            {
                "name": group.slug,
                "title": group.title,
                "settings": [
                    {
                        "name": row.name or None,
                        "label": row.label,
                        "value": row.value,
                        "source": SOURCE_NAMES.get(row.source, BUILT_IN),
                        "explanation": row.explanation,
                        "warnings": row.warnings,
                    }
                    for row in of_group
                ],
            }
            for group, of_group in rows()
        ]
        return Response(
            {
                "version": __version__,
                "build": settings.BUILD_ID,
                "in_force_since": settings.ENV.read_at,
                "edited_at": edited_since(),
                "groups": groups,
            }
        )
