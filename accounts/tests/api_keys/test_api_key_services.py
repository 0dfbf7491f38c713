"""Rules of API keys that hold whichever interface calls the service."""

import pytest

from accounts.api_keys.services import MAX_DAYS, create_key
from accounts.models import ApiKey
from reprotech.core.exceptions import ValidationFailed


@pytest.mark.parametrize("days", [-1, 0, MAX_DAYS + 1])
def test_a_key_lives_for_a_day_to_two_years(cast, days):
    with pytest.raises(ValidationFailed) as refusal:
        create_key(actor=cast.admin, user_id=cast.admin.pk, name="LIMS", scopes=[], expires_in_days=days)
    assert refusal.value.errors == {"expires_in_days": ["Give a number of days from 1 to 730."]}
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("address", ["", "unknown", "192.0.3.1", "2001:db8::1"])
def test_a_key_of_a_network_is_closed_to_other_and_to_unknown_addresses(address):
    key = ApiKey(addresses=["192.0.2.0/24"])
    assert key.is_open_to("192.0.2.9")
    assert not key.is_open_to(address)
