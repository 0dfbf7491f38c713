"""Sealing and verifying a log in tests."""

import io

from django.core.management import CommandError, call_command

from audit.sealing.sealer import Sealer
from audit.services import record
from audit.tests.support.tampering import write
from audit.verification.verifier import Verification


def seal(count, start=1):
    events = [write(number) for number in range(start, start + count)]
    Sealer().seal()
    return events


def found(**options):
    return list(Verification(**options).findings())


def upkeep(action, **details):
    return record(actor=None, action=action, resource="audit", **details)


def run(*arguments):
    """The command's exit code and what it printed."""
    output = io.StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=output, stderr=io.StringIO())
    except CommandError as error:
        return error.returncode, f"{output.getvalue()}{error}"
    return 0, output.getvalue()
