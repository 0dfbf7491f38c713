"""Message-IDs of our mails. Django would take the machine's own name for them, which often is localhost."""

from email.utils import make_msgid, parseaddr
from urllib.parse import urlsplit

from django.conf import settings


def make_message_id() -> str:
    """A new id under the sender's domain or, where that is none, under the host of PUBLIC_URL."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    if not domain or domain == "localhost":
        domain = urlsplit(settings.PUBLIC_URL).hostname or domain
    return make_msgid(domain=domain.encode("idna").decode())
