"""Which roles a page may suggest to ask for. Accounts don't know requests for access: these register it."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from accounts.models import Role, User


class RoleRequests:
    """Set once, while the project loads; without requests for access there is nothing to suggest."""

    #: Those of some roles that the person may ask for now, the smallest first.
    suggest: ClassVar[Callable[[User, Iterable[Role]], list[Role]]] = staticmethod(lambda _user, _roles: [])
