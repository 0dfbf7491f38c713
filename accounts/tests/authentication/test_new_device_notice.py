"""Mails about sign-ins from new devices."""

from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.authentication.new_device_notice import MAX_NOTICES_PER_DAY
from accounts.models import OutgoingMail, Session
from accounts.notifications import outbox
from accounts.sessions.user_agent import safe_client_name
from reprotech.testing.cast import PASSWORD, at_once
from reprotech.testing.client import Caller

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0"
FIREFOX_140, FIREFOX_152 = FIREFOX.format(140, 140), FIREFOX.format(152, 152)
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
COOKIE = configured.DEVICE_COOKIE_NAME
LAB, HOME = "192.0.2.1", "198.51.100.9"


def by_page(address=LAB, agent=FIREFOX_140, name="the-viewer", cookie=""):
    """Sign in by the page; returns the browser's device cookie."""
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    client.cookies[COOKIE] = cookie
    assert client.post("/login", {"username": name, "password": PASSWORD}).status_code == 302
    return client.cookies[COOKIE].value


def by_token(address=LAB, agent="sampler/2.1"):
    answer = Caller(address=address, user_agent=agent).post(
        "/api/auth/login", {"username": "the-viewer", "password": PASSWORD}
    )
    assert answer.status_code == 200


def waiting():
    return OutgoingMail.objects.filter(letter="new_sign_in")


def test_the_first_sign_in_of_all_sends_no_notice(cast):
    by_page()
    assert not waiting().exists()


@pytest.mark.parametrize(
    ("first", "second", "is_new"),
    [
        ({}, {}, False),
        ({}, {"agent": FIREFOX_152}, False),
        ({}, {"agent": CHROME}, True),
        ({}, {"address": HOME}, True),
        ({"address": "2001:db8:1:2::7"}, {"address": "2001:db8:1:2:ffff::9"}, False),
        ({"address": "2001:db8:1:2::7"}, {"address": "2001:db8:1:3::7"}, True),
    ],
    ids=["same", "newer browser", "other browser", "other address", "same network", "other network"],
)
def test_a_browser_is_known_by_its_kind_and_place(cast, first, second, is_new):
    by_page(**first)
    by_page(**second)
    assert waiting().exists() is is_new
    by_page(**second)
    assert waiting().count() == is_new, "it is known by now"


def test_a_browser_is_known_by_its_cookie_wherever_it_is_and_to_its_user_alone(cast):
    cookie = by_page()
    by_page(address=HOME, agent=CHROME, cookie=cookie)
    assert not waiting().exists()
    by_page(name="the-manager")
    by_page(address=HOME, agent=CHROME, name="the-manager", cookie=cookie)
    assert waiting().get().user == cast.manager


def test_a_script_sends_one_notice_for_each_program_and_address(cast):
    by_page()
    for _ in range(3):
        by_token()
    assert waiting().count() == 1
    by_token(agent="sampler/2.2")
    by_token(address=HOME)
    assert waiting().count() == 3


def test_a_script_makes_no_browser_known_nor_another_user(cast):
    by_page(name="the-manager")
    by_token(agent=FIREFOX_140)
    assert not waiting().exists()
    by_page()
    assert waiting().get().user == cast.viewer


def test_a_device_is_forgotten_after_three_months(cast):
    by_page()
    Session.objects.update(last_used_at=timezone.now() - timedelta(days=91))
    by_page()
    assert waiting().count() == 1


def test_the_mail_says_when_where_and_with_what(cast):
    by_page()
    by_page(address=HOME, agent=CHROME)
    opened = Session.objects.get(ip_address=HOME).created_at
    outbox.drain()
    [message] = mail.outbox
    assert (message.to, message.subject) == ([cast.viewer.email], "Reprotech: A sign-in from a new device")
    html = message.alternatives[0][0]
    for text in (message.body, html):
        assert f"Time: {opened:%-d %B %Y, %H:%M} UTC" in text
        assert "Browser: Chrome 140 on Windows" in text
        assert f"Address: {HOME}" in text
        assert "If it was not, change your password at once" in text


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("python-requests/2.31.0", "python-requests/2.31.0"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("https://evil.example/call-now", "An unknown program"),
        ("evil.example", "An unknown program"),
        ("evil.example/1.0", "An unknown program"),
        ("www.evil.example\r\n\r\nCall me", "An unknown program"),
        ("", "An unknown program"),
    ],
)
def test_nobody_writes_into_the_mail_by_the_name_of_their_program(agent, name):
    assert safe_client_name(agent) == name


def test_there_are_at_most_five_mails_a_day(cast):
    for n in range(MAX_NOTICES_PER_DAY + 4):
        by_page(address=f"203.0.113.{n}")
    assert waiting().count() == MAX_NOTICES_PER_DAY
    Session.objects.update(created_at=timezone.now() - timedelta(days=1))
    by_page(address=HOME)
    assert waiting().count() == MAX_NOTICES_PER_DAY + 1


def test_mails_to_others_do_not_count(cast):
    for n in range(MAX_NOTICES_PER_DAY + 1):
        by_page(address=f"203.0.113.{n}", name="the-manager")
    assert waiting().count() == MAX_NOTICES_PER_DAY
    by_page()
    by_page(address=HOME)
    assert waiting().latest("pk").user == cast.viewer


@pytest.mark.django_db(transaction=True)
def test_nor_are_there_more_by_signing_in_at_once(cast):
    by_page()
    mail.outbox.clear()
    at_once(*(lambda n=n: by_page(address=f"203.0.113.{n}") for n in range(MAX_NOTICES_PER_DAY + 4)))
    assert Session.objects.filter(was_announced=True).count() == MAX_NOTICES_PER_DAY
    assert len([message for message in mail.outbox if "new device" in message.subject]) == MAX_NOTICES_PER_DAY


def test_an_installation_switches_the_mails_off(cast, settings):
    settings.NEW_DEVICE_MAILS = False
    by_page()
    by_page(address=HOME)
    assert not waiting().exists()


def test_a_refused_sign_in_sends_no_notice(cast):
    by_page()
    client = Client(REMOTE_ADDR=HOME)
    client.post("/login", {"username": "the-viewer", "password": "Wrong-Horse-7"})
    assert not waiting().exists()
