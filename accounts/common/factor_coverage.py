"""How many of a role's users would have to set up a second factor, or still have to."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import Role, User
from reprotech.web.estimated_counts import MAX_COUNTED


@dataclass(frozen=True, slots=True)
class FactorCoverage:
    #: Service accounts among them: they need none.
    users: int
    #: People without a second factor, counted as far as MAX_COUNTED.
    without: int

    @property
    def is_exact(self) -> bool:
        return self.without <= MAX_COUNTED

    @property
    def counted(self) -> int:
        return min(self.without, MAX_COUNTED)

    @property
    def grace(self) -> int:
        """Sign-ins that each of them has before nothing else opens."""
        return int(settings.MFA_GRACE_SIGN_INS)


def factor_coverage(actor: User, role: Role) -> FactorCoverage:
    """Of a role that was read `with_user_count`."""
    missing = User.objects.visible_to(actor).in_role(role.pk).without_factor().order_by()
    without = missing.values("pk")[: MAX_COUNTED + 1].count() if role.user_count else 0
    return FactorCoverage(role.user_count, without)
