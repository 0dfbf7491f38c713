"""The states of an account: what the list filters by, and what pages and the API show."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit.tracking.model_tracking import TrackedQuerySet
from reprotech.db.present_time import PresentTime

if TYPE_CHECKING:
    from accounts.models import User  # noqa: F401 (named in a string below)

EXISTING = Q(deleted_at__isnull=True)
CAN_SIGN_IN = EXISTING & Q(is_active=True, locked_at__isnull=True)
#: What is on record of the account's period, for indexes: they can't hold the present time.
PENDING = EXISTING & Q(period_state="pending")
ENDED = EXISTING & Q(period_state="ended")
UNENDED = EXISTING & Q(ends_at__isnull=False) & ~Q(period_state="ended")
#: Whether the account can be used at this time of its period. The start belongs to it, the end doesn't.
WITHIN_PERIOD = (
    ~Q(period_state="ended")
    & (Q(starts_at__isnull=True) | Q(starts_at__lte=PresentTime()))
    & (Q(ends_at__isnull=True) | Q(ends_at__gt=PresentTime()))
)
HAS_ENDED = Q(period_state="ended") | Q(ends_at__lte=PresentTime())
#: A person who never had a password: `UserState.is_invited`, and PostgreSQL's triggers, say the same.
WAITING = Q(is_service=False, last_login__isnull=True, password__startswith=UNUSABLE_PASSWORD_PREFIX)
INVITED = CAN_SIGN_IN & WAITING
MUST_CHANGE_PASSWORD = CAN_SIGN_IN & Q(must_change_password=True)
#: A service account signs in nowhere, so it is neither with a second factor nor without.
WITH_FACTOR = EXISTING & Q(is_service=False) & ~Q(factor_kinds="")
WITHOUT_FACTOR = EXISTING & Q(is_service=False, factor_kinds="")
#: One value each, so that one range of an index has all who are dormant, or whose invitation has expired: a void one
#: was sent long ago.
LAST_SEEN = Coalesce("last_login", "created_at")
LAST_INVITED = Coalesce("invited_at", Value(datetime(1970, 1, 1, tzinfo=UTC)))


class UserStateQuerySet(TrackedQuerySet["User"]):
    def existing(self) -> Self:
        return self.filter(deleted_at__isnull=True)

    def active(self) -> Self:
        """Users who may sign in, those among them who are invited and have no password yet."""
        return self.existing().filter(WITHIN_PERIOD, is_active=True, locked_at__isnull=True)

    def pending(self) -> Self:
        """Accounts whose period begins later."""
        return self.existing().filter(starts_at__gt=PresentTime()).exclude(period_state="ended")

    def ended(self) -> Self:
        """Accounts whose period is over."""
        return self.existing().filter(HAS_ENDED)

    def inactive(self) -> Self:
        return self.existing().filter(is_active=False)

    def locked(self) -> Self:
        return self.existing().filter(locked_at__isnull=False)

    def invited(self) -> Self:
        return self.filter(INVITED, WITHIN_PERIOD)

    def invitation_expired(self) -> Self:
        """Invited users without a link that works: it is too old, or something made it void."""
        sent_before = timezone.now() - settings.INVITATION_LIFETIME
        return self.invited().alias(sent_at=LAST_INVITED).filter(sent_at__lt=sent_before)

    def must_change_password(self) -> Self:
        return self.filter(MUST_CHANGE_PASSWORD, WITHIN_PERIOD)

    def with_factor(self) -> Self:
        return self.filter(WITH_FACTOR)

    def without_factor(self) -> Self:
        return self.filter(WITHOUT_FACTOR)

    def services(self) -> Self:
        return self.filter(is_service=True)

    def people(self) -> Self:
        return self.filter(is_service=False)

    def with_password(self) -> Self:
        """Without service accounts, and without invited users who haven't chosen one yet."""
        return self.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)


class UserState:
    """The state of one user."""

    #: Values of `status`, as the API has them. The filter `active` finds the invited too: they may sign in.
    STATUSES: ClassVar[tuple[str, ...]] = ("active", "inactive", "locked", "invited", "pending", "ended")
    #: What the list filters by, with the words of the pages; each is the name of a query above. `locked_out` is none:
    #: attempts are counted in the cache by keyed hashes, so all users would have to be looked up there one by one.
    STATUS_FILTERS: ClassVar[dict[str, str]] = {
        "active": "Active",
        "inactive": "Inactive",
        "locked": "Locked",
        "invited": "Invited",
        "invitation_expired": "Invitation expired",
        "pending": "Begins later",
        "ended": "Ended",
        "must_change_password": "Must change password",
    }

    #: Set by `login_throttle.mark_locked_out` for pages that show it: the database doesn't know.
    is_locked_out = False

    if TYPE_CHECKING:
        password: str
        is_active: bool
        is_service: bool
        must_change_password: bool
        locked_at: datetime | None
        deleted_at: datetime | None
        last_login: datetime | None
        invited_at: datetime | None
        starts_at: datetime | None
        ends_at: datetime | None
        period_state: str

    @property
    def is_locked(self) -> bool:
        return self.locked_at is not None

    @property
    def has_ended(self) -> bool:
        """Whether the account's period is over; once that is on record, no clock that is set back changes it."""
        return self.period_state == "ended" or (self.ends_at is not None and self.ends_at <= timezone.now())

    @property
    def is_pending(self) -> bool:
        """Whether the account's period begins later."""
        return not self.has_ended and self.starts_at is not None and self.starts_at > timezone.now()

    @property
    def is_within_period(self) -> bool:
        return not self.has_ended and not self.is_pending

    @property
    def may_choose_password(self) -> bool:
        """Whether a link that was mailed to them works: that of an invitation does so before the account begins."""
        is_open = self.is_active and self.locked_at is None and self.deleted_at is None
        return is_open and (self.is_within_period or (self.is_pending and self.is_invited))

    @property
    def is_invited(self) -> bool:
        """Whether they are a person who never had a password; `status` says so of accounts that may sign in."""
        # In this order: the user of a session has no password loaded.
        return not self.is_service and self.last_login is None and self.password.startswith(UNUSABLE_PASSWORD_PREFIX)

    @property
    def status(self) -> str:
        """What the API calls it: a value of STATUSES."""
        if self.is_locked:
            return "locked"
        if not self.is_active:
            return "inactive"
        if self.has_ended:
            return "ended"
        if self.is_pending:
            return "pending"
        return "invited" if self.is_invited else "active"

    @property
    def state(self) -> str:
        """The status, or for people who look at an active account what matters more: `components/user_status.html`."""
        status = self.status
        if status == "invited" and not self.has_valid_invitation:
            return "invitation_expired"
        if status != "active":
            return status
        if self.is_locked_out:
            return "locked_out"
        if self.must_change_password:
            return "must_change_password"
        return "service" if self.is_service else "active"

    @property
    def invitation_expires_at(self) -> datetime | None:
        """When the link ends that was sent last; None if something made it void, such as a lock."""
        return self.invited_at + settings.INVITATION_LIFETIME if self.invited_at else None

    @property
    def has_valid_invitation(self) -> bool:
        expires_at = self.invitation_expires_at
        return expires_at is not None and expires_at >= timezone.now()
