"""Opening, finding, refreshing and ending sessions: the services themselves."""

from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from django.utils import timezone

from accounts.core.exceptions import AccountDisabled, TokenInvalid
from accounts.models import Session, User
from accounts.sessions import refresh, tokens
from accounts.sessions import services as session_services
from accounts.users import services as user_services
from reprotech.core.exceptions import Forbidden, NotFound
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller


def stored(session):
    return Session.objects.get(pk=session.pk)


def spent_ago(session, seconds):
    """Let the session's refresh tokens have been used that many seconds earlier than they were."""
    row = stored(session)
    earlier = {hash_: when - seconds for hash_, when in row.spent_refresh_hashes.items()}
    Session.objects.filter(pk=session.pk).update(spent_refresh_hashes=earlier)


# Finding


def test_a_live_session_is_found_with_its_grants(cast):
    session = Caller(cast.manager).signed_in.session
    found = session_services.find_session(session_id=session.pk, user_id=cast.manager.pk)
    assert found.user == cast.manager
    assert found.user.grants == User.objects.get(pk=cast.manager.pk).grants


def test_a_user_without_roles_has_no_grants(cast):
    session = Caller(cast.stranger).signed_in.session
    grants = session_services.find_session(session_id=session.pk, user_id=cast.stranger.pk).user.grants
    assert (grants.role_names, grants.permissions) == ((), frozenset())


def test_of_several_roles_the_grants_are_the_union_in_the_roles_order(cast):
    user = make_user("both", "viewer", "lab_technician", "manager")
    session = Caller(user).signed_in.session
    grants = session_services.find_session(session_id=session.pk, user_id=user.pk).user.grants
    assert grants == User.objects.get(pk=user.pk).grants
    assert grants.role_slugs == ("manager", "lab_technician", "viewer")


def test_a_session_is_found_under_its_own_user_alone(cast):
    session = Caller(cast.viewer).signed_in.session
    for session_id, user_id in ((session.pk, cast.manager.pk), (uuid4(), cast.viewer.pk)):
        with pytest.raises(TokenInvalid):
            session_services.find_session(session_id=session_id, user_id=user_id)


def test_an_expired_session_is_over(cast):
    session = Caller(cast.viewer).signed_in.session
    Session.objects.filter(pk=session.pk).update(expires_at=timezone.now())
    with pytest.raises(TokenInvalid):
        session_services.find_session(session_id=session.pk, user_id=cast.viewer.pk)


def test_the_last_use_is_kept_by_the_minute(cast):
    for age, is_touched in ((30, False), (61, True)):
        session = Caller(cast.viewer).signed_in.session
        used = timezone.now() - timedelta(seconds=age)
        Session.objects.filter(pk=session.pk).update(last_used_at=used)
        session_services.find_session(session_id=session.pk, user_id=cast.viewer.pk)
        assert (stored(session).last_used_at != used) == is_touched


# Refreshing


def test_a_refresh_gives_a_new_pair_for_the_same_session_and_leaves_one_row(cast, expect_row):
    first = Caller(cast.viewer).signed_in
    with audit_rows() as rows:
        second = refresh.refresh_session(refresh_token=first.pair.refresh_token)
    assert second.session == first.session
    assert second.pair.refresh_token != first.pair.refresh_token
    assert tokens.verify(second.pair.access_token, tokens.AccessToken).session_id == first.session.pk
    assert refresh.refresh_session(refresh_token=second.pair.refresh_token).session == first.session
    (row,) = rows
    expect_row(row, cast.viewer, "token_refresh", resource="auth")
    assert row.session_id == first.session.pk


def test_no_refresh_token_is_stored(cast):
    first = Caller(cast.viewer).signed_in
    second = refresh.refresh_session(refresh_token=first.pair.refresh_token)
    row = stored(first.session)
    claims = jwt.decode(second.pair.refresh_token, options={"verify_signature": False})
    kept = f"{row.refresh_hash} {row.spent_refresh_hashes}"
    assert claims["jti"] not in kept
    assert second.pair.refresh_token not in kept


def test_a_token_used_a_moment_ago_is_refused_and_the_session_lives(cast):
    first = Caller(cast.viewer).signed_in
    second = refresh.refresh_session(refresh_token=first.pair.refresh_token)
    spent_ago(first.session, 9)
    with audit_rows() as rows, pytest.raises(TokenInvalid):
        refresh.refresh_session(refresh_token=first.pair.refresh_token)
    assert rows == []
    assert refresh.refresh_session(refresh_token=second.pair.refresh_token)


def test_a_late_retry_is_no_theft_even_if_another_refresh_came_between(cast):
    first = Caller(cast.viewer).signed_in
    pair = first.pair
    for _ in range(2):
        pair = refresh.refresh_session(refresh_token=pair.refresh_token).pair
    with pytest.raises(TokenInvalid):
        refresh.refresh_session(refresh_token=first.pair.refresh_token)
    assert refresh.refresh_session(refresh_token=pair.refresh_token)


def test_a_token_used_longer_ago_ends_the_session_on_record(cast, expect_row):
    first = Caller(cast.viewer).signed_in
    second = refresh.refresh_session(refresh_token=first.pair.refresh_token)
    spent_ago(first.session, 11)
    with audit_rows() as rows, pytest.raises(TokenInvalid):
        refresh.refresh_session(refresh_token=first.pair.refresh_token)
    assert stored(first.session).end_reason == "refresh_reuse"
    (row,) = rows
    reason = "A spent refresh token was used again."
    expect_row(row, cast.viewer, "token_refresh", resource="auth", success=False, reason=reason)
    with pytest.raises(TokenInvalid):
        refresh.refresh_session(refresh_token=second.pair.refresh_token)
    with pytest.raises(TokenInvalid):
        session_services.find_session(session_id=first.session.pk, user_id=cast.viewer.pk)


def test_the_token_before_last_still_gives_a_thief_away(cast):
    first = Caller(cast.viewer).signed_in
    pair = first.pair
    for _ in range(3):
        pair = refresh.refresh_session(refresh_token=pair.refresh_token).pair
        spent_ago(first.session, 60)
    with pytest.raises(TokenInvalid):
        refresh.refresh_session(refresh_token=first.pair.refresh_token)
    assert stored(first.session).end_reason == "refresh_reuse"


def test_refreshing_needs_a_session_and_a_user_in_use(cast):
    ended, locked, deleted = (Caller(user).signed_in for user in (cast.viewer, cast.researcher, cast.veterinarian))
    session_services.sign_out(session=ended.session)
    user_services.lock_user(actor=cast.admin, user_id=cast.researcher.pk)
    user_services.delete_user(actor=cast.admin, user_id=cast.veterinarian.pk)
    for signed_in, refusal in ((ended, TokenInvalid), (locked, AccountDisabled), (deleted, TokenInvalid)):
        with audit_rows() as rows, pytest.raises(refusal):
            refresh.refresh_session(refresh_token=signed_in.pair.refresh_token)
        assert rows == []


def test_a_token_is_good_for_its_own_purpose_alone(cast, settings):
    pair = Caller(cast.viewer).signed_in.pair
    with pytest.raises(TokenInvalid):
        refresh.refresh_session(refresh_token=pair.access_token)
    with pytest.raises(TokenInvalid):
        tokens.verify(pair.refresh_token, tokens.AccessToken)
    claims = jwt.decode(pair.refresh_token, options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "x" * 64, algorithm="HS256"),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm="HS512"),
        jwt.encode({**claims, "exp": claims["exp"] + 60}, settings.JWT_SECRET_KEY, algorithm="HS256"),
        jwt.encode({**claims, "exp": claims["iat"] - 60}, settings.JWT_SECRET_KEY, algorithm="HS256"),
        jwt.encode({**claims, "sid": str(uuid4())}, settings.JWT_SECRET_KEY, algorithm="HS256"),
        jwt.encode({**claims, "user_id": cast.admin.pk}, settings.JWT_SECRET_KEY, algorithm="HS256"),
        *(
            jwt.encode({k: v for k, v in claims.items() if k != left_out}, settings.JWT_SECRET_KEY, algorithm="HS256")
            for left_out in ("jti", "sid", "user_id", "exp", "iat", "type")
        ),
    ]
    for token in forged:
        with pytest.raises(TokenInvalid):
            refresh.refresh_session(refresh_token=token)
    assert refresh.refresh_session(refresh_token=pair.refresh_token)


# Ending


def test_signing_out_ends_the_session_and_leaves_one_row(cast, expect_row):
    signed_in = Caller(cast.viewer).signed_in
    with audit_rows() as rows:
        session_services.sign_out(session=signed_in.session)
    assert stored(signed_in.session).end_reason == "logout"
    (row,) = rows
    expect_row(row, cast.viewer, "logout", resource="auth")
    assert row.session_id == signed_in.session.pk


@pytest.mark.parametrize("who", ["viewer", "admin"])
def test_a_session_is_ended_by_its_user_or_by_who_may(cast, who):
    session, other = Caller(cast.viewer).signed_in.session, Caller(cast.viewer).signed_in.session
    actor = cast.by_slug()[who]
    with audit_rows() as rows:
        session_services.end_session(actor=actor, session_id=session.pk)
    assert stored(session).end_reason == "revoked"
    assert stored(other).is_alive
    (row,) = rows
    assert (row.username, row.action, row.resource) == (actor.username, "session_revoke", "session")
    assert (row.resource_id, row.resource_name, row.session_id) == (str(session.pk), "the-viewer", session.pk)


@pytest.mark.parametrize(
    ("who", "whose", "required"),
    [
        ("manager", "viewer", "session_revoke"),
        ("stranger", "viewer", "session_revoke"),
        ("admin", "super_admin", "role_delete"),
    ],
)
def test_anothers_session_needs_the_permission_and_all_that_they_hold(cast, who, whose, required):
    session = Caller(cast.by_slug()[whose]).signed_in.session
    actor = cast.by_slug()[who]
    with audit_rows() as rows, pytest.raises(Forbidden) as denial:
        session_services.end_session(actor=actor, session_id=session.pk)
    assert denial.value.required == required
    assert stored(session).is_alive
    assert [(row.username, row.action, row.details["required"]) for row in rows] == [
        (actor.username, "access_denied", required)
    ]


def test_a_session_ends_once(cast):
    session, expired = Caller(cast.viewer).signed_in.session, Caller(cast.viewer).signed_in.session
    Session.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    session_services.end_session(actor=cast.viewer, session_id=session.pk)
    for over in (session.pk, expired.pk, uuid4()):
        with audit_rows() as rows, pytest.raises(NotFound):
            session_services.end_session(actor=cast.viewer, session_id=over)
        assert rows == []
