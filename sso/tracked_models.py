"""The models of single sign-on whose changes are recorded in the audit log, whatever makes them."""

from accounts import session_cache
from audit.models import Action
from audit.tracking.model_tracking import track
from audit.tracking.registry import ActionPair, Subject, Tracked
from sso.models import Application, AppSignIn, SigningKey
from sso.models import Subject as AccountSubject

TRACKED = (
    Tracked(
        Application,
        lambda application: Subject("application", application.pk, application.name),
        fields=(
            *("client_id", "name", "slug", "description", "home_url", "kind", "redirect_uris"),
            *("post_logout_redirect_uris", "backchannel_logout_uri", "signing_alg", "offline_access", "device_grant"),
            *("access_token_minutes", "secret_hash", "previous_secret_hash", "previous_secret_expires_at"),
            *("is_for_everybody", "service_account", "is_active"),
        ),
        relations={"roles": ActionPair(Action.UPDATE, Action.UPDATE)},
        # Its account belongs to it rather than it to the account.
        is_owned=False,
        on_change=session_cache.announce_change,
    ),
    Tracked(
        AccountSubject,
        lambda subject: Subject("user", subject.user_id, subject.user.username, {"record": "subject"}),
        fields=("value",),
        created=Action.UPDATE,
        deleted=Action.UPDATE,
    ),
    # Filed under their application. A sign-in that is made or moved by hand would let someone in; a token's hash
    # changes with each use, as that of a session does.
    Tracked(
        AppSignIn,
        lambda sign_in: Subject(
            "application", sign_in.application_id, sign_in.application.name, {"owner_id": sign_in.user_id}
        ),
        fields=("application", "user", "session", "scope", "ended_at"),
        routine_fields=("code_hash", "access_hash", "access_expires_at", "refresh_hash", "refresh_family_hash"),
        created=Action.APP_LOGIN,
        # Ended ones are deleted after a while, which is routine; it lets nobody in.
        deleted=None,
    ),
    Tracked(
        SigningKey,
        lambda key: Subject("signing_key", key.pk, key.algorithm),
        fields=("algorithm", "private_key", "signs_from", "retired_at"),
        concealed=("private_key",),
        resource="signing_key",
    ),
)


def track_all() -> None:
    for found in TRACKED:
        track(found)
