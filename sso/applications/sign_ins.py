"""What becomes of sign-ins when their application is deleted. Applications don't know sign-ins: `sso.ending` does."""

from collections.abc import Callable
from typing import ClassVar

from reprotech.core.actors import Actor
from sso.models import Application


class Registered:
    """Set once, while the project loads."""

    #: Part of the deletion's transaction, in which the application is locked.
    end_sign_ins: ClassVar[Callable[[Actor, Application], None]]
