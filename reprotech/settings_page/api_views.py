from typing import ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from access_history.checking.outcome import DIFFERS, MATCHES, NEVER, last_check
from accounts.permissions import SETTINGS_READ
from reprotech import __version__
from reprotech.api.viewsets import ViewSet
from reprotech.settings_history.history import history
from reprotech.settings_history.snapshot import Snapshot
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
        "since": serializers.DateTimeField(help_text="When it got this value, or the record of changes began"),
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
        "instance": serializers.CharField(help_text="The name of the server that answers"),
        "fingerprint": serializers.CharField(
            help_text="Of settings that are no secret, version and packages: the same on servers that have the same"
        ),
        "last_change": inline_serializer(
            "SettingsChange",
            {"at": serializers.DateTimeField(), "event": serializers.IntegerField(help_text="In the audit log")},
            allow_null=True,
        ),
        "in_force_since": serializers.DateTimeField(),
        "edited_at": serializers.DateTimeField(
            allow_null=True, help_text="When `.env` was changed after the server read it: a restart is needed"
        ),
        "access_history": inline_serializer(
            "HistoryCheck",
            {
                "result": serializers.ChoiceField(
                    choices=[NEVER, MATCHES, DIFFERS],
                    help_text="Of the nightly comparison with the audit log and the present accounts",
                ),
                "checked_at": serializers.DateTimeField(allow_null=True),
                "differences": serializers.IntegerField(),
            },
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
        on_record, checked = history(), last_check()
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
                        "since": row.since.at,
                        "warnings": row.warnings,
                    }
                    for row in of_group
                ],
            }
            for group, of_group in rows(on_record)
        ]
        return Response(
            {
                "version": __version__,
                "build": settings.BUILD_ID,
                "instance": settings.INSTANCE,
                "fingerprint": Snapshot.take().fingerprint,
                "last_change": on_record.last and {"at": on_record.last.at, "event": on_record.last.event},
                "in_force_since": settings.ENV.read_at,
                "edited_at": edited_since(),
                "access_history": {
                    "result": checked.result,
                    "checked_at": checked.checked_at,
                    "differences": checked.difference_count,
                },
                "groups": groups,
            }
        )
