"""What the API answers to an import."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from accounts.onboarding.leavers import Leaver
from accounts.onboarding.reconciliation import AccountChange
from accounts.onboarding.services import Comparison
from accounts.periods.grants import iso_time
from accounts.roles.assignments import role_names
from accounts.users.csv.import_users import ImportRow, PreparedUser


class JoinerAnswer(serializers.Serializer[object]):
    """Someone who is created, by the line of the file."""

    line = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField()
    full_name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())


class AccountChangeAnswer(serializers.Serializer[object]):
    """What a line changes of an account."""

    line = serializers.IntegerField()
    id = serializers.IntegerField()
    username = serializers.CharField()
    changes = serializers.DictField(child=serializers.ListField(), help_text="By field, the old value and the new one.")
    roles_added = serializers.ListField(child=serializers.CharField())
    roles_removed = serializers.ListField(child=serializers.CharField())


class LeaverAnswer(serializers.Serializer[object]):
    """Someone who stood in the list, and isn't in the file."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    full_name = serializers.CharField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="When the account ends; null if it stays.")
    refusal = serializers.CharField(help_text="Why you can't let it end; empty if you can.")


class ProposedUsernameAnswer(serializers.Serializer[object]):
    line = serializers.IntegerField()
    username = serializers.CharField()


class ImportNoteAnswer(serializers.Serializer[object]):
    line = serializers.IntegerField()
    username = serializers.CharField()
    note = serializers.CharField()


class PeopleUpdatedAnswer(serializers.Serializer[object]):
    """What an import did or, in a dry run, would do. What isn't required comes with `mode=update`, or a mapping."""

    created = serializers.IntegerField()
    dry_run = serializers.BooleanField()
    ignored_columns = serializers.ListField(
        child=serializers.CharField(), help_text="Headings of the columns that were left out."
    )
    usernames = ProposedUsernameAnswer(
        many=True, required=False, help_text="With `mode=create` and a mapping: those that were proposed."
    )
    changed = serializers.IntegerField(required=False)
    unchanged = serializers.IntegerField(required=False)
    ended = serializers.IntegerField(required=False)
    list = serializers.CharField(required=False)
    people = serializers.IntegerField(
        required=False, help_text="Of the list, accounts that had not ended before; 0 without `leavers`."
    )
    needs_confirmation = serializers.BooleanField(
        required=False, help_text="Whether more than a tenth of them end, which takes `confirm_leavers`."
    )
    joiners = JoinerAnswer(many=True, required=False)
    changes = AccountChangeAnswer(many=True, required=False)
    leavers = LeaverAnswer(many=True, required=False)
    notes = ImportNoteAnswer(many=True, required=False)


def describe_comparison(found: Comparison, source: str) -> dict[str, Any]:
    people, leavers = found.people, found.leavers
    ending = {user.pk for user in found.ending}
    ends_at = iso_time(leavers.ends_at) if leavers else None
    return {
        **found.counts,
        "list": source,
        "people": leavers.scope_count if leavers else 0,
        "needs_confirmation": leavers.needs_confirmation if leavers else False,
        "joiners": [_joiner(row, draft) for row, draft in people.created],
        "changes": [_change(change) for change in people.changed],
        "leavers": [
            _leaver(leaver, ends_at if leaver.user.pk in ending else None)
            for leaver in (leavers.found if leavers else ())
        ],
        "notes": [{"line": line, "username": user.username, "note": note} for line, user, note in people.notes],
    }


def _joiner(row: ImportRow, draft: PreparedUser) -> dict[str, Any]:
    user: User = draft.user
    roles = role_names(draft.roles)
    return {
        "line": row.line,
        "username": user.username,
        "email": user.email,
        "full_name": user.full_name,
        "roles": roles,
    }


def _change(change: AccountChange) -> dict[str, Any]:
    return {
        "line": change.row.line,
        "id": change.user.pk,
        "username": change.user.username,
        "changes": change.described(),
        "roles_added": change.added,
        "roles_removed": change.removed,
    }


def _leaver(leaver: Leaver, ends_at: str | None) -> dict[str, Any]:
    user = leaver.user
    return {
        "id": user.pk,
        "username": user.username,
        "full_name": user.full_name,
        "ends_at": ends_at,
        "refusal": leaver.refusal,
    }
