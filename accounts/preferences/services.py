"""Reads and stores what people chose for the pages. It is theirs alone, so only they change it."""

from accounts.access.authorization import service
from accounts.models import Preferences, User
from accounts.preferences.list_settings import LISTS, ListSettings
from accounts.preferences.time_zones import time_zone_names
from reprotech.core.exceptions import ValidationFailed


def preferences_of(user: User) -> Preferences:
    """Theirs, or the defaults: one query for each instance of the user."""
    try:
        return user.preferences
    except Preferences.DoesNotExist:
        return Preferences(user=user)


def list_settings(user: User, name: str) -> ListSettings:
    return ListSettings.of(LISTS[name], preferences_of(user).lists.get(name))


@service
def save_time_zone(*, actor: User, time_zone: str) -> None:
    """Store the zone of one's times; "" for that of the device. Raises ValidationFailed for an unknown one."""
    if time_zone and time_zone not in time_zone_names():
        raise ValidationFailed({"time_zone": ["Choose one of the time zones."]})
    Preferences.objects.update_or_create(user_id=actor.pk, defaults={"time_zone": time_zone})


@service
def save_list_settings(*, actor: User, name: str, settings: ListSettings) -> None:
    """Store the columns and row height of one's list of this name, a key of LISTS."""
    Preferences.objects.get_or_create(user_id=actor.pk)
    # Locked: another list's settings, stored at the same time, stay.
    stored = Preferences.objects.select_for_update().get(user_id=actor.pk)
    stored.lists = {**stored.lists, name: settings.as_json()}
    stored.save(update_fields=["lists"])
