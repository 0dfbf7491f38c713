"""Queries on applications and sign-ins, as adjectives."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Lower
from django.utils import timezone

from audit.tracking.model_tracking import TrackedQuerySet
from reprotech.core.normalization import normalize_text
from reprotech.db.present_time import PresentTime

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from accounts.models import User
    from reprotech.core.actors import Actor
    from sso.models import Application, AppSignIn, DeviceRequest, SigningKey, Subject  # noqa: F401 (named in strings below)

#: Of the people who are signed in to an application.
MAX_COUNTED = 1_000


class _RowCount(Subquery):
    """How many rows a query has. No more than its limit are read."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = models.IntegerField()


def _opening_roles(application: str) -> Q:
    """Rows of `application_roles` of a row's application, whose column `application` names."""
    return Q(application=OuterRef(application))


def _held_by(user: "Combinable") -> Q:
    """Rows of `application_roles` whose role the user holds now."""
    # Joined, and not an IN: PostgreSQL makes one hash join of all.
    now = PresentTime()
    has_begun = Q(role__user_grants__starts_at__isnull=True) | Q(role__user_grants__starts_at__lte=now)
    holds_still = Q(role__user_grants__ends_at__isnull=True) | Q(role__user_grants__ends_at__gt=now)
    return Q(has_begun, holds_still, role__user_grants__user=user)


class ApplicationQuerySet(TrackedQuerySet["Application"]):
    def visible_to(self, actor: "Actor") -> Self:  # noqa: ARG002 (scopes come with organisations)
        """Applications that `actor` may know of: all. Permissions say what may be done with them."""
        return self.all()

    def active(self) -> Self:
        return self.filter(is_active=True)

    def open_to(self, user: "User") -> Self:
        """Applications that a role of `user` opens, or that are for everybody."""
        openings = self.model.roles.through.objects.filter(_opening_roles("pk"))
        is_open_to_all = Q(~Exists(openings), is_for_everybody=True)
        return self.filter(is_open_to_all | Q(Exists(openings.filter(_held_by(Value(user.pk))))))

    def with_roles(self) -> Self:
        return self.prefetch_related("roles")

    def with_sign_in_count(self) -> Self:
        """Annotate `sign_in_count`, the people who are signed in now; MAX_COUNTED stands for so many or more.

        Those whose sign-in isn't marked as ended, which it is a second or two after it stopped counting: so the count
        needs nothing but an index, however many there are.
        """
        sign_ins = apps.get_model("sso", "AppSignIn").objects.filter(application=OuterRef("pk"))
        people = sign_ins.unended().of_person().order_by("user").values("user").distinct()
        return self.annotate(sign_in_count=_RowCount(people[:MAX_COUNTED]))

    def with_last_sign_in(self) -> Self:
        """Annotate `last_sign_in_at`, when a person signed in last; None if nobody has."""
        sign_ins = apps.get_model("sso", "AppSignIn").objects.filter(application=OuterRef("pk")).of_person()
        return self.annotate(last_sign_in_at=Subquery(sign_ins.latest_first().values("created_at")[:1]))

    def search(self, term: str) -> Self:
        """Name, slug, description or client id contains `term`, whatever the case."""
        words = normalize_text(" ".join(term.split()))
        return self.filter(
            Q(name__icontains=words)
            | Q(slug__icontains=words)
            | Q(description__icontains=words)
            | Q(client_id__iexact=words)
        )

    def by_name(self) -> Self:
        return self.order_by(Lower("name"), "id")


class SubjectQuerySet(TrackedQuerySet["Subject"]):
    pass


class DeviceRequestQuerySet(models.QuerySet["DeviceRequest"]):
    def waiting(self) -> Self:
        """Those that nobody has answered, and that still can be."""
        undecided = self.filter(decided="", used_at__isnull=True, expires_at__gt=timezone.now())
        return undecided.filter(application__is_active=True, application__device_grant=True)


class SigningKeyQuerySet(TrackedQuerySet["SigningKey"]):
    pass


class AppSignInQuerySet(TrackedQuerySet["AppSignIn"]):
    def unended(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def valid(self) -> Self:
        """Sign-ins that count at this moment, in one query: whatever was taken away a moment ago, they end with it.

        What they gave out may have expired all the same: callers compare `code_expires_at` and `access_expires_at`.
        It takes a millisecond to build, so services build it once: all that it says of time is a `PresentTime`.
        """
        return self.unended().filter(
            _HOLDS_BY_ACCOUNT, _WITHIN_PERIOD, _by_person() | _by_itself(), application__is_active=True
        )

    def lost(self) -> Self:
        """Sign-ins that aren't marked as ended, and don't count any more."""
        # Not the negated condition: with a session that is NULL it would be neither true nor false.
        return self.unended().filter(~Exists(self.model.objects.valid().filter(pk=OuterRef("pk")).order_by()))

    def lost_by_state(self) -> Self:
        """Lost sign-ins of people by their account, session or application; with `lost_by_role` all of them.

        `lost` in two queries that PostgreSQL answers by hash joins where all unended ones are looked at.
        """
        return self.unended().of_person().filter(_is_over())

    def lost_by_role(self) -> Self:
        """Lost sign-ins of people of whom no role opens the application."""
        openings = apps.get_model("sso", "Application").roles.through.objects.filter(_opening_roles("application"))
        held = openings.filter(_held_by(OuterRef("user")))
        # By itself and not within an OR, so that it becomes a join.
        without = self.unended().of_person().filter(~Exists(held))
        return without.filter(Q(application__is_for_everybody=False) | Exists(openings))

    def lost_by_time(self) -> Self:
        """Sign-ins of people whose session ran out, found from the few sessions that did so lately.

        Each is lost by state too, which finds it only among the people it is asked for.
        """
        return self.unended().of_person().filter(session__in=apps.get_model("accounts", "Session").objects.expired())

    def of_people(self, user_ids: Collection[int]) -> Self:
        return self.filter(user__in=user_ids)

    def with_validity(self) -> Self:
        """Annotate `is_valid`, whether it counts at this moment."""
        return self.annotate(is_valid=Exists(self.model.objects.valid().filter(pk=OuterRef("pk")).order_by()))

    def of_person(self) -> Self:
        """Sign-ins of people, not of applications that act by themselves."""
        return self.filter(session__isnull=False)

    def latest_first(self) -> Self:
        return self.order_by("-created_at", "id")


#: The account may sign in, and nothing has to be done first.
_HOLDS_BY_ACCOUNT = Q(
    user__deleted_at__isnull=True,
    user__is_active=True,
    user__locked_at__isnull=True,
    user__must_change_password=False,
    user__must_add_factor=False,
)
_WITHIN_PERIOD = (
    ~Q(user__period_state="ended")
    & (Q(user__starts_at__isnull=True) | Q(user__starts_at__lte=PresentTime()))
    & (Q(user__ends_at__isnull=True) | Q(user__ends_at__gt=PresentTime()))
)


def _is_over() -> Q:
    """The opposite of what doesn't concern roles, of sign-ins with a session."""
    by_account = Q(user__deleted_at__isnull=False) | Q(user__locked_at__isnull=False) | Q(user__is_active=False)
    by_account |= Q(user__period_state="ended") | Q(user__ends_at__lte=PresentTime())
    by_account |= Q(user__starts_at__gt=PresentTime())
    by_account |= Q(user__must_change_password=True) | Q(user__must_add_factor=True)
    by_session = Q(session__ended_at__isnull=False) | Q(session__expires_at__lte=PresentTime())
    return by_account | by_session | ~Q(session__user=F("user")) | Q(application__is_active=False)


def _by_person() -> Q:
    """Signed in within a session that is alive, and the application is open to the person."""
    openings = apps.get_model("sso", "Application").roles.through.objects.filter(_opening_roles("application"))
    is_open_to_all = Q(~Exists(openings), application__is_for_everybody=True)
    is_alive = Q(session__ended_at__isnull=True, session__expires_at__gt=PresentTime(), session__user=F("user"))
    return is_alive & (is_open_to_all | Q(Exists(openings.filter(_held_by(OuterRef("user"))))))


def _by_itself() -> Q:
    """The application acts as its service account, until the token expires: there is no session that could end."""
    return Q(
        session__isnull=True,
        user__is_service=True,
        user=F("application__service_account"),
        access_expires_at__gt=PresentTime(),
    )
