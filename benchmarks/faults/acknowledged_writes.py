"""What was acknowledged, noted by the clients as it happens: afterwards the database must say the same."""

import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Gone:
    """An access that was taken away, and when that was acknowledged."""

    how: str
    token: str
    #: `introspect` must call it inactive too. Who lost a role alone is still signed in.
    is_dead: bool
    since: float = field(default_factory=time.monotonic)


class AcknowledgedWrites:
    """Acknowledged changes. Lists only grow, so that readers need no lock."""

    def __init__(self):
        self.created = {}  # user id: name
        self.given = set()  # ids of users whose role was changed from Viewer to Researcher
        self.locked = set()
        self.invited = set()  # addresses
        self.signed_in = set()  # session ids
        self.signed_out = set()
        self.refreshed = {}  # session id: number of acknowledged refreshes
        self.gone = []
        self.breaches = []
        self.surprises = []
        self.counter = 0
        self.lock = threading.Lock()

    def next_name(self, prefix):
        """A name that nobody has."""
        with self.lock:
            self.counter += 1
            return f"{prefix}-{self.counter:06}"

    def note_refresh(self, session):
        """One more acknowledged refresh."""
        with self.lock:
            self.refreshed[session] = self.refreshed.get(session, 0) + 1

    def note_breach(self, sentence):
        """Somebody got in who shouldn't."""
        self.breaches.append(sentence)

    def note_surprise(self, sentence):
        """Something answered in a way that is nowhere promised."""
        self.surprises.append(sentence)
