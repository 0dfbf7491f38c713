"""Every model and every field of ours was decided on: its changes are recorded, or it says why not."""

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from accounts.models import PasswordHistory, Permission, User
from audit.models import Action
from audit.tracking.model_tracking import TrackedModel, track
from audit.tracking.registry import Subject, Tracked, tracked_models

pytestmark = pytest.mark.only_on("sqlite")  # what is declared is the same on every stack

COUNTED = "PostgreSQL counts by itself, for lists; no access depends on it"
SEALED = "part of the log itself: append-only, and proven by the seal"
PROJECTED = "made from the log, and compared with it: a change is found, and rebuilding undoes it"
REPORTED = "no access depends on it; each decision is on record, and the report compares itself with the log"
MODELS_NOT_TRACKED = {
    "accounts.UserCount": COUNTED,
    "accounts.UserDay": COUNTED,
    "accounts.UserMove": COUNTED,
    "accounts.UserSignpost": COUNTED,
    "accounts.SpentOnce": "names of what was used up, for minutes; what it was used for is on record",
    "accounts.PasswordHistory": "hashes of passwords that are no longer valid: nobody signs in by them",
    "accounts.FormerUsername": "names that nobody gets, and hashes of erased people's; a change of name is on record",
    "accounts.ImportedPerson": "who is shown as a leaver; whose access ends is chosen, and on record",
    "accounts.Preferences": "how a person wants the pages to look; no access depends on it",
    "accounts.UsernameKey": "the key of these hashes; nobody signs in by it",
    "accounts.ResetRequest": "what someone typed, for seconds; the answer is on record",
    "audit.AuditLog": SEALED,
    "audit.Leaf": SEALED,
    "audit.Node": SEALED,
    "audit.SigningKey": SEALED,
    "audit.Checkpoint": SEALED,
    "audit.Block": "counts of sealed events, made from them",
    "audit.DailyCount": "counts of sealed events, made from them",
    "audit.Anchor": "how far checkpoints were sent; sending one again harms nothing",
    "audit.VerificationRun": "a verification's outcome; it can be repeated",
    "audit.CapturedChange": "what the database notes until the sealer settles it; PostgreSQL guards it",
    "audit.ServerConfiguration": "what starts are compared with; each difference that they find is on record",
    "audit.SavedFilter": "a person's own view of the list",
    "access_history.AccountDay": PROJECTED,
    "access_history.AccountPeriod": PROJECTED,
    "access_history.ArchivedState": "made from the log, and its hash is in the event of the archive",
    "access_history.GrantPeriod": PROJECTED,
    "access_history.HistoryState": PROJECTED,
    "access_history.RolePeriod": PROJECTED,
    "access_history.RolePermissionPeriod": PROJECTED,
    "sso.LogoutNotice": "a message to a program; what it is about is on record",
    "reviews.Review": REPORTED,
    "reviews.ReviewItem": REPORTED,
    "access_requests.AccessRequest": "no access depends on it: a grant has its own event, by who decided",
    "sso.DeviceRequest": "a question, for ten minutes; the sign-in that comes of it is on record",
}
SHOWN = "shown, and decides nothing"
SORTED = "the order of lists"
FIELDS_NOT_TRACKED = {
    "accounts.User": {
        "last_login": "each sign-in is on record",
        "invited_at": "shown, and decides nothing: the link itself says how old it is",
        "link_number": "a counter, which only makes links invalid",
        "factor_grace_used": "a counter, and each sign-in is on record",
        "created_at": SHOWN,
        "updated_at": "the version of the row",
        "search_text": "made from the names",
        "end_notice_at": "when a mail leaves; no access depends on it",
    },
    "accounts.RoleGrant": {
        "granted_by": "as the event says, whose actor it is",
        "granted_at": "as the event says",
        "reason": "as the event says",
        "is_pending": "whether its beginning is on record; the time decides",
        "end_notice_at": "when a mail leaves; no access depends on it",
    },
    "accounts.Role": {"position": SORTED, "created_at": SHOWN, "updated_at": "the version of the row"},
    "accounts.Permission": {"position": SORTED, "created_at": SHOWN},
    "accounts.ApiKey": {
        "name": "what its owner calls it, which may name them",
        "created_at": SHOWN,
        "last_used_at": SHOWN,
        "last_used_from": SHOWN,
    },
    "accounts.TotpKey": {
        "last_step": "a counter of codes that were used",
        "created_at": SHOWN,
        "last_used_at": SHOWN,
    },
    "accounts.Passkey": {
        "name": "what its owner calls it, which may name them",
        "sign_count": "a counter",
        "created_at": SHOWN,
        "last_used_at": SHOWN,
    },
    "accounts.RecoveryCode": {"created_at": SHOWN},
    "accounts.Session": {
        "created_at": SHOWN,
        "last_used_at": SHOWN,
        "generation": "a counter of cookies",
        "rotated_at": "when the cookie was replaced, for seconds",
        "was_announced": "whether a mail was sent",
        "ip_address": "where it began, as its sign-in's event says",
        "user_agent": "as its sign-in's event says",
        "end_reason": "why it ended, as its end's event says",
        "spent_refresh_hashes": "refresh tokens that are no longer valid",
    },
    "accounts.EmailChange": {},
    "accounts.Exclusion": {"created_at": SHOWN, "updated_at": "the version of the row"},
    "accounts.ExclusionException": {"asked_at": SHOWN},
    "sso.Application": {"secret_created_at": SHOWN, "created_at": SHOWN, "updated_at": "the version of the row"},
    "sso.Subject": {},
    "sso.SigningKey": {"created_at": SHOWN},
    "sso.AppSignIn": {
        "nonce": "what the program compares with its own",
        "redirect_uri": "compared with that of the call which uses the code",
        "code_challenge": "as the redirect URI, for a minute",
        "code_expires_at": "for a minute",
        "code_used_at": "a code is used once, by its hash",
        "auth_time": "as the session's sign-in says",
        "amr": "as the session's sign-in says",
        "created_at": SHOWN,
        "last_used_at": SHOWN,
        "end_reason": "why it ended, as its end's event says",
    },
    "accounts.OutgoingMail": {
        "context": "words of a mail, none of which is a link",
        "created_at": SHOWN,
        "due_at": "when it leaves",
        "attempts": "a counter",
        "last_error": SHOWN,
        "failed_at": SHOWN,
    },
}


def ours():
    return [
        model
        for app in ("access_history", "access_requests", "accounts", "audit", "reviews", "sso")
        for model in apps.get_app_config(app).get_models()
    ]


def test_every_model_is_tracked_or_says_why_not():
    names = {model._meta.label for model in ours()}
    followed = {model._meta.label for model in tracked_models()}
    assert followed | MODELS_NOT_TRACKED.keys() == names
    assert not followed & MODELS_NOT_TRACKED.keys()


def test_every_field_of_a_tracked_model_is_tracked_or_says_why_not():
    for model, found in tracked_models().items():
        others = FIELDS_NOT_TRACKED[model._meta.label].keys()
        names = {field.name for field in model._meta.concrete_fields if not field.primary_key}
        assert found.all_fields | others == names, model
        assert not {*found.fields} & {*found.routine_fields}
        assert not found.all_fields & others, model
        assert set(found.relations) == {field.name for field in model._meta.many_to_many}


def test_nothing_stands_for_a_tracked_table_but_its_own_model():
    """Django would send the signals of a proxy or a child under another name."""
    for model in apps.get_models():
        assert model in tracked_models() or not issubclass(model, TrackedModel), model


def test_every_way_to_a_tracked_row_goes_through_what_records():
    for model in tracked_models():
        for manager in (*model._meta.managers, model._base_manager):
            assert hasattr(manager.all(), "_chosen"), (model, manager)


@pytest.mark.parametrize(
    ("model", "options", "problem"),
    [
        (PasswordHistory, {"fields": ["user"]}, "own TrackedModel"),
        (TrackedModel, {"fields": []}, "own TrackedModel"),
        (User, {"fields": ["roles"]}, "it has no roles"),
        (User, {"fields": ["email"], "routine_fields": ["mail"]}, "it has no mail"),
        (Permission, {"fields": ["name"], "relations": {"users": (Action.UPDATE,) * 2}}, "users is no many-to-many"),
    ],
)
def test_what_would_be_missed_is_refused_at_the_start(model, options, problem):
    before = tracked_models().copy()
    with pytest.raises(ImproperlyConfigured, match=problem):
        track(Tracked(model, lambda row: Subject("user", row.pk, ""), **options))
    assert tracked_models() == before


def test_a_model_without_a_key_of_its_own_is_refused():
    class Pair(TrackedModel):
        pk = models.CompositePrimaryKey("left", "right")
        left = models.IntegerField()
        right = models.IntegerField()
        objects = User.objects.all().__class__.as_manager()

        class Meta:
            app_label = "nowhere"
            managed = False

    with pytest.raises(ImproperlyConfigured, match="no primary key of one column"):
        track(Tracked(Pair, lambda row: Subject("user", "", ""), fields=["left"]))
