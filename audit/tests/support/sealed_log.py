"""A small sealed log with all that a bundle can hold, for tests."""

import io
from datetime import UTC, datetime, timedelta

from audit.crypto.sealed_row import actor_part, commitment, split_details, subject_part
from audit.export.bundles import complete_bundle, selected_bundle, write
from audit.models import AuditLog, SigningKey
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer
from audit.services import record

START = datetime(2031, 3, 1, 12, tzinfo=UTC)


def write_events(count=8):
    """Events of many shapes, in two checkpoints."""
    sealer = Sealer()
    sealer.seal()
    events = []
    for number in range(count):
        events.append(
            AuditLog.objects.create(
                timestamp=START + timedelta(hours=number, microseconds=number),
                user_id=number or None,
                username=f"clerk-{number}",
                action=("login", "update", "export")[number % 3],
                resource="user",
                resource_id=str(number),
                resource_name=f"Jürgen 🧪 {number}",
                success=number % 4 > 0,
                ip_address=(None, "192.0.2.7", "2001:db8::1")[number % 3],
                user_agent="pipette/2",
                request_id=f"{number:032x}",
                session_id="11111111-1111-4111-8111-111111111111" if number % 2 else None,
                details={
                    "reason": "“why”\n",
                    "rows": number,
                    "sent_to": "b@lab.example",
                    "changes": {"email": ["a@lab.example", None], "roles": [["viewer"], []]},
                },
            )
        )
        if number == count // 2:
            sealer.seal()
    sealer.seal()
    return events


def erase(event, *, on_record=True):
    """Erase both parts of a stored event."""
    row = event.sealed_row()
    public, personal = split_details(row.details)
    with suspended():
        AuditLog._base_manager.filter(pk=event.pk).update(
            username="",
            user_agent="",
            ip_address=None,
            resource_name="",
            details=public,
            actor_opening=commitment(row.actor_opening, actor_part(row)),
            subject_opening=commitment(row.subject_opening, subject_part(row, personal)),
        )
    if on_record:
        record(actor=None, action="erase", resource="audit", actor_parts=[event.pk], subject_parts=[event.pk])


def archive(start, end, events, *, on_record=True):
    """Drop stored events."""
    with suspended():
        AuditLog._base_manager.filter(pk__in=[event.pk for event in events]).delete()
    if on_record:
        record(actor=None, action="archive", resource="audit", start=start, end=end, events=end - start)


def complete(start=0, end=None):
    """The bytes of a complete bundle."""
    file = io.BytesIO()
    write(file, complete_bundle(start, end))
    return file.getvalue()


def selection(**lookups):
    """The bytes of the bundle of the events that the lookups find."""
    file = io.BytesIO()
    write(file, selected_bundle(AuditLog.objects.filter(**lookups), {"user": "x"}))
    return file.getvalue()


def first_key():
    """The log's first public key, as an auditor keeps it."""
    return str(SigningKey.objects.first().verifier)
