"""A host with one IPv6 address has its whole /64: everything that counts addresses takes them for one."""

import pytest

from accounts.authentication.login import sign_in_to_pages
from accounts.authentication.new_device_notice import is_known_device
from accounts.core.client_networks import client_network
from accounts.models import Session
from accounts.throttling import known_devices, login_throttle, rate_limits
from reprotech.core.exceptions import TooManyAttempts
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing.cast import PASSWORD

HERE, NEAR, FAR = "2001:db8:0:1::7", "2001:db8:0:1:ffff:1::2", "2001:db8:0:2::7"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (HERE, "2001:db8:0:1::/64"),
        (NEAR, "2001:db8:0:1::/64"),
        ("2001:db8:0:1::/64", "2001:db8:0:1::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_an_address_stands_for_the_network_of_one_client(address, network):
    assert client_network(address) == network


def test_forgotten_passwords_are_limited_by_network(db, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "reset_address": "2/hour"}
    rate_limits.limit_of.cache_clear()
    try:
        for address in (HERE, NEAR):
            rate_limits.count("reset_address", client_network(address))
        with pytest.raises(TooManyAttempts):
            rate_limits.count("reset_address", client_network(HERE.replace("7", "8")))
        rate_limits.count("reset_address", client_network(FAR))
    finally:
        rate_limits.limit_of.cache_clear()


def test_refusals_are_recorded_once_for_a_network(db):
    assert [rate_limits.is_first_refusal("key-1", address) for address in (HERE, NEAR, FAR)] == [True, False, True]


@pytest.mark.parametrize(("address", "is_known"), [(HERE, True), (NEAR, True), (FAR, False), ("192.0.2.7", False)])
def test_devices_are_known_by_their_network(cast, address, is_known):
    with request_origin(RequestOrigin(ip_address=HERE, user_agent="Old/1")):
        sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
    with request_origin(RequestOrigin(ip_address=address, user_agent="Old/1")):
        assert known_devices.is_known_address(cast.viewer) is is_known
        assert bool(login_throttle.counters_for(cast.viewer, "the-viewer").own) is is_known
        session = sign_in_to_pages(identifier="the-viewer", password=PASSWORD)
        assert is_known_device(Session.objects.select_related("user").get(pk=session.pk)) is is_known
