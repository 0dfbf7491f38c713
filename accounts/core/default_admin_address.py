"""The documented address of the first administrator, to which no mail is sent in production.

Its domain isn't the operator's: its owners would get links that open the highest account.
"""

from django.conf import settings

DEFAULT_ADMIN_EMAIL = "admin@reprotech.com"
WITHHELD_MESSAGE = (
    f"No mail is sent to {DEFAULT_ADMIN_EMAIL}: it is the default address of the first administrator, in a domain that "
    "isn't yours. Set ADMIN_EMAIL, or give the account an address of yours."
)


def is_withheld(address: str) -> bool:
    """Whether no mail may leave for this address."""
    return (
        not settings.DEBUG
        and address.casefold() == DEFAULT_ADMIN_EMAIL
        and settings.ADMIN_EMAIL.casefold() != DEFAULT_ADMIN_EMAIL
    )
