"""Which addresses an application may have: what could be read in two ways is refused when it is registered."""

from ipaddress import ip_address

import pytest

from reprotech.core.exceptions import ValidationFailed
from sso.applications.addresses import (
    MAX_ADDRESSES,
    checked_addresses,
    home_problem,
    is_sendable,
    logout_problem,
    redirect_problem,
)
from sso.ending.http_post import PostFailed, refuse_peer

pytestmark = pytest.mark.only_on("sqlite")  # it reads texts

FINE = [
    "https://grafana.lab.example/login/generic_oauth",
    "https://grafana.lab.example",
    "https://grafana.lab.example/",
    "https://grafana.lab.example:8443/a/b?tenant=1",
    "https://10.1.2.3/callback",
    "https://[2001:db8::7]/callback",
    "https://xn--mller-kva.example/cb",
    "http://localhost:8000/callback",
    "http://127.0.0.1/callback",
    "http://[::1]:3000/",
    "https://lab.example/a.b/c..d/%C3%A9",
]
WRONG = {
    "http://grafana.lab.example/cb": "must begin with https",
    "http://127.0.0.2/cb": "must begin with https",
    "http://localhost.evil.example/cb": "must begin with https",
    "ftp://lab.example/": "must begin with https",
    "javascript:alert(1)": "must begin with https",
    "org.lab.app:/cb": "must begin with https",
    "//lab.example/cb": "must begin with https",
    "/cb": "must begin with https",
    "": "must begin with https",
    "https://": "must begin with https",
    "HTTPS://lab.example/cb": "must begin with https",
    "https:/lab.example/cb": "must begin with https",
    "https://lab.example/cb#part": "fragment",
    "https://lab.example/cb#": "fragment",
    "https://user@lab.example/cb": "name or password",
    "https://lab.example@evil.example/cb": "name or password",
    "https://user:word@lab.example/cb": "name or password",
    "https://*.lab.example/cb": "wildcards",
    "https://lab.example/*": "wildcards",
    "https://lab.example/a/../b": ". or ..",
    "https://lab.example/..": ". or ..",
    "https://lab.example/a/./b": ". or ..",
    "https://lab.example/a/%2e%2e/b": ". or ..",
    "https://lab.example/a/.%2E/b": ". or ..",
    "https://lab.example/a%2fb": "encoded slash",
    "https://lab.example/a%5cb": "encoded slash",
    "https://lab.example/a%252e": "encoded slash",
    "https://lab.example\\@evil.example/": "must be encoded",
    "https://lab.example/a b": "must be encoded",
    "https://lab.example/a\nb": "must be encoded",
    "https://lab.example/a\tb": "must be encoded",
    "https://lab.example/\x00": "must be encoded",
    "https://müller.example/cb": "must be encoded",
    "https://lab.example/é": "must be encoded",
    "https://lab.example/<script>": "must be encoded",
    "https://Lab.example/cb": "small letters",
    "https://lab..example/cb": "small letters",
    "https://lab.example:0/cb": "no port",
    "https://lab.example:/cb": "no port",
    "https://lab.example:99999/cb": "can't be read",
    "https://[::1/cb": "can't be read",
    "https://lab.example/cb?code=1": "the parameter code",
    "https://lab.example/cb?a=1&state": "the parameter state",
    f"https://lab.example/{'a' * 500}": "longer than 500",
}


@pytest.mark.parametrize("uri", FINE)
def test_addresses_that_programs_have_are_fine(uri):
    assert redirect_problem(uri) == ""
    assert logout_problem(uri) == ""


@pytest.mark.parametrize("uri", WRONG)
def test_what_could_lead_elsewhere_is_refused_with_a_sentence(uri):
    assert WRONG[uri] in redirect_problem(uri)
    assert WRONG[uri] in logout_problem(uri)


def test_a_refusal_names_the_address_and_shows_no_control_characters():
    with pytest.raises(ValidationFailed) as refusal:
        checked_addresses("redirect_uris", ["https://lab.example/cb", "http://x.example/\x1b[31m", "x" * 600])
    first, second = refusal.value.errors["redirect_uris"]
    assert first.startswith("http://x.example/?[31m has characters")
    assert second.startswith("x" * 60 + "… is longer")


def test_each_address_counts_once_and_there_are_twenty_at_most():
    uris = [f"https://lab.example/{number}" for number in range(MAX_ADDRESSES)]
    assert checked_addresses("redirect_uris", [*uris, *uris]) == uris
    with pytest.raises(ValidationFailed, match="not valid"):
        checked_addresses("redirect_uris", [*uris, "https://lab.example/more"])


@pytest.mark.parametrize(
    "uri",
    ["https://169.254.169.254/x", "https://[fe80::1]/x", "https://224.0.0.1/", "https://0.0.0.0/", "https://[::]/"],
)
def test_no_logout_token_goes_where_no_program_can_be(uri):
    assert "no program can have" in logout_problem(uri)


def test_what_a_name_resolves_to_is_judged_by_the_same_rule():
    fine = ["10.0.0.1", "127.0.0.1", "192.168.1.2", "93.184.216.34", "::1", "2001:db8::1", "::ffff:10.0.0.1"]
    wrong = [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "ff02::1",
        "::",
        "255.255.255.255",
    ]
    assert all(is_sendable(ip_address(address)) for address in fine)
    assert not any(is_sendable(ip_address(address)) for address in wrong)


def test_a_home_page_may_be_plain_http_in_the_laboratorys_network():
    assert home_problem("http://lims/") == ""
    assert home_problem("https://lims.lab.example/start?x=1") == ""
    assert "must begin" in home_problem("javascript:alert(1)")
    assert "name or password" in home_problem("https://a@b.example/")


@pytest.mark.parametrize(
    ("scheme", "peer"),
    [
        *(("https", peer) for peer in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "ff02::1")),
        *(("http", peer) for peer in ("10.0.0.1", "::ffff:10.0.0.1", "169.254.169.254", "2001:db8::1")),
    ],
)
def test_a_name_that_leads_elsewhere_gets_nothing(scheme, peer):
    with pytest.raises(PostFailed, match="no program can have"):
        refuse_peer(scheme, peer)


@pytest.mark.parametrize(
    ("scheme", "peer"),
    [
        ("https", "10.0.0.1"),
        ("https", "127.0.0.1"),
        ("http", "127.0.0.1"),
        ("http", "::1"),
        ("http", "::ffff:127.0.0.1"),
    ],
)
def test_a_program_in_the_laboratory_or_on_this_computer_is_called(scheme, peer):
    refuse_peer(scheme, peer)
