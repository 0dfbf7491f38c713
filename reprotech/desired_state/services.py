"""Brings an installation to what a document says, or finds out what that would change."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from django.db import connection, transaction

from audit.models import AuditLog
from audit.services import collected_events
from reprotech.core.exceptions import Conflict, DomainError
from reprotech.core.secure_files import create_private_file
from reprotech.desired_state.document import DocumentRefused, Entry, title
from reprotech.desired_state.entries import STEPS, needs_secret

#: Arbitrary, and used for no other advisory lock of this database.
ADVISORY_LOCK_ID = 7_203_915


def apply_document(
    document: Mapping[str, list[Entry]], *, is_plan: bool, secrets: Path | None = None
) -> list[AuditLog]:
    """Carry out all entries in one transaction, by the ordinary services, and return the events that this added.

    With `is_plan` the transaction is rolled back: these are the events that there would be. Two at once wait for each
    other. `secrets` is a new file for the secrets of new applications. Raises DocumentRefused with all that is refused,
    OSError for the file, and what services raise where a reason is missing; nothing was changed then.
    """
    with ExitStack() as files, transaction.atomic(), collected_events() as events:
        _wait_for_others()
        _refuse_lost_secrets(document["applications"], has_file=secrets is not None or is_plan)
        created = _carry_out(document)
        if is_plan:
            transaction.set_rollback(True)
        elif created and secrets:
            files.enter_context(create_private_file(secrets)).write(json.dumps(created, indent=2).encode() + b"\n")
    return events


def _wait_for_others() -> None:
    # SQLite's transactions exclude each other already.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])


def _refuse_lost_secrets(applications: list[Entry], *, has_file: bool) -> None:
    new = ", ".join(entry["slug"] for entry in applications if needs_secret(entry))
    if new and not has_file:
        raise DocumentRefused(f"A secret is made for {new}, and shown once. Add --secrets FILE, a new file for it.")


def _carry_out(document: Mapping[str, list[Entry]]) -> dict[str, dict[str, str]]:
    """Client ID and secret of the new confidential applications, by slug. Each entry that is refused says why."""
    created: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    for section, step in STEPS:
        for entry in document[section]:
            try:
                made = step(entry)
            except DomainError as refusal:
                problems.append(f"{title(section, entry)}: {sentences_of(refusal)}")
                continue
            if made and made.client_secret:
                application = made.application
                created[application.slug] = {
                    "client_id": application.client_id,
                    "client_secret": made.client_secret,
                }
        if problems:
            # What comes next would be refused only because this was.
            raise DocumentRefused(*problems)
    return created


def sentences_of(refusal: DomainError) -> str:
    """All sentences of a refusal, with the fields that they are about."""
    if isinstance(refusal, Conflict) or not refusal.errors:
        return refusal.message
    return " ".join(f"{field}: {' '.join(sentences)}" for field, sentences in refusal.errors.items())
