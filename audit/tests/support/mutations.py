"""The ways to alter a sealed log without the server, and what a verification must name then.

`audit.tests.support.tampering.write_history` makes a log; each mutation alters it with the triggers off, and returns
what a finding must point at: an event, its position if the event can't be named, or nothing in particular for a
checkpoint or a key.
"""

from audit.tests.support import event_mutations, ledger_mutations  # noqa: F401 (they add their own)
from audit.tests.support.tampering import MUTATIONS

__all__ = ["MUTATIONS"]
