"""The audit worker's sealer: a thread that looks every few seconds for events to seal."""

import logging
from threading import Event, Thread

from django.conf import settings
from django.db import connection

from audit.keys import KeyRefused
from audit.sealing import Busy, Sealer, TreeDamaged

logger = logging.getLogger(__name__)


def start() -> None:
    """Seal in the background as long as the process lives, if settings say so."""
    if settings.AUDIT_SEAL_SECONDS and settings.AUDIT_SIGNING_KEY:
        Thread(target=_run, name="audit-sealer", daemon=True).start()


def _run() -> None:
    sealer, pause, complaint = Sealer(), Event(), ""
    while not pause.wait(settings.AUDIT_SEAL_SECONDS):
        complaint = _look(sealer, complaint)


def _look(sealer: Sealer, complaint: str) -> str:
    """Seal once; returns what was wrong, "" when nothing was. What was wrong the last time isn't logged again."""
    problem = ""
    try:
        sealer.seal()
    except Busy:
        pass
    except (KeyRefused, TreeDamaged) as error:
        problem = str(error)
        if problem != complaint:
            logger.critical("%s", problem)
    except Exception as error:  # noqa: BLE001 (whatever it is, the next look is a new attempt)
        problem = f"{type(error).__name__}: {error}"
        if problem != complaint:
            logger.error("The audit log can't be sealed at the moment. %s", problem)
    finally:
        connection.close()
    return problem
