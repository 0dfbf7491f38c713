"""Every way to alter a sealed log behind the server's back, and what a verification must name then.

`audit.tests.support.tampering.write_history` makes a log; each mutation alters it with the triggers off, and returns
what a finding must point at: an event, the place where it stands if no more can be told, or nothing in particular when
it is about a checkpoint or a key.
"""

from audit.tests.support import event_mutations, ledger_mutations  # noqa: F401 (they add their own)
from audit.tests.support.tampering import MUTATIONS

__all__ = ["MUTATIONS"]
