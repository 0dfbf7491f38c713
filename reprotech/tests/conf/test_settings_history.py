"""What a start of the server changed is on record: once, without a secret, and nothing where nothing changed."""

import json
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from audit.models import AuditLog, ServerConfiguration
from audit.presentation.changes import change_rows
from audit.presentation.event_text import sentence
from audit.services import record
from reprotech.core.actors import System
from reprotech.settings_history import snapshot
from reprotech.settings_history.recording import Start, record_start
from reprotech.settings_history.snapshot import Snapshot
from reprotech.testing.cast import at_once
from reprotech.testing.client import Caller, page_client

pytestmark = pytest.mark.django_db
MARKER = "Zq7"
SECRETS = {
    "METRICS_TOKEN": (f"{MARKER}-token", f"{MARKER}-other"),
    "ADMIN_PASSWORD": (f"{MARKER}-pass", ""),
    "ADMIN_EMAIL": (f"{MARKER}@lab.test", f"{MARKER}2@lab.test"),
    "DATABASE_URL": (f"postgresql://lab:{MARKER}@db.test/lab", f"postgresql://lab:{MARKER}2@db.test/lab"),
    "EMAIL_URL": (f"smtp+tls://me%40lab.test:{MARKER}@mail.test:587", f"smtp+tls://me:{MARKER}@mail2.test:587"),
    "AUDIT_ANCHOR_URL": (f"https://hook.test/{MARKER}", f"https://hook.test/{MARKER}2"),
    "BACKUP_RECIPIENTS": (f"age1{MARKER}", f"age1{MARKER}2"),
    "PASSWORD_CONTEXT_WORDS": (f"{MARKER}lab", f"{MARKER}labs"),
}


@pytest.fixture
def start(settings, monkeypatch):
    """Start a server of this name with these variables, some seconds after the one before."""
    clock = [timezone.now() - timedelta(days=1)]
    monkeypatch.setenv("SECRET_KEY", settings.SECRET_KEY)
    monkeypatch.setattr(timezone, "now", lambda: clock[0])

    def run(instance="one", *, packages=None, seconds=10, start_id="", **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        if packages:
            monkeypatch.setattr(snapshot, "_packages", lambda: packages)
        settings.INSTANCE = instance
        clock[0] += timedelta(seconds=seconds)
        started = Start(instance, start_id or uuid4().hex, clock[0] - timedelta(seconds=1))
        return record_start(Snapshot.take(), started)

    return run


def test_the_first_start_begins_the_record_and_the_same_again_adds_nothing(start):
    event = start(PAGE_IDLE_MINUTES="30", packages={"Django": "5.2.18"})
    assert (event.action, event.resource, event.username) == ("create", "settings", "system")
    assert event.changes["PAGE_IDLE_MINUTES"] == [None, 30]
    assert event.changes["packages"] == [[], ["Django 5.2.18"]]
    assert "SUDO_MINUTES" not in event.changes  # nobody chose it
    assert start() is None
    assert start("two") is None


def test_a_change_is_one_event_with_both_values(start):
    start(PAGE_IDLE_MINUTES="60", RATE_LIMIT_ENABLED="true", packages={"Django": "5.2.18", "idna": "3"})
    event = start(PAGE_IDLE_MINUTES="5", RATE_LIMIT_ENABLED="off", packages={"Django": "5.2.19", "idna": "3"})
    assert event.changes == {
        "PAGE_IDLE_MINUTES": [60, 5],
        "RATE_LIMIT_ENABLED": [True, False],
        "packages": [["Django 5.2.18"], ["Django 5.2.19"]],
    }
    assert (event.action, event.resource_name) == ("update", "one")
    assert sentence(event) == "system started one with changes: PAGE_IDLE_MINUTES, RATE_LIMIT_ENABLED, packages"
    assert [row.field for row in change_rows(event)][:1] == ["PAGE_IDLE_MINUTES"]


def test_version_and_build_are_part_of_it(start, settings, monkeypatch):
    start()
    settings.BUILD_ID = "4711abc"
    monkeypatch.setattr(snapshot, "__version__", "9.9.9")
    event = start()
    assert event.changes["build"][1] == event.details["build"] == "4711abc"
    assert event.changes["version"][1] == "9.9.9"


def test_of_a_secret_it_says_changed_and_neither_event_nor_table_hold_it(start):
    start(**{name: old for name, (old, _) in SECRETS.items()})
    event = start(**{name: new for name, (_, new) in SECRETS.items()})
    expected = {name: ["set", "changed"] for name in SECRETS}
    places = ["smtp+tls://mail.test:587", "smtp+tls://mail2.test:587"]
    assert event.changes == {**expected, "ADMIN_PASSWORD": ["set", None], "EMAIL_URL": places}
    stored = json.dumps([*AuditLog.objects.values_list("details", flat=True), *states()])
    assert MARKER.lower() not in stored.lower()
    assert "me@lab" not in stored
    assert "me%40" not in stored


def states():
    return ServerConfiguration.objects.values_list("state", flat=True)


def test_a_text_whose_name_sounds_like_a_secret_is_hidden_and_its_start_recorded(start, settings, monkeypatch):
    monkeypatch.setitem(settings.ENV.kinds, "TOKEN_HASH_NAME", "choice")
    start(TOKEN_HASH_NAME="sha256")
    assert start(TOKEN_HASH_NAME="sha512").changes == {"TOKEN_HASH_NAME": ["set", "changed"]}


def test_codes_of_secrets_need_the_key_and_a_replaced_key_still_compares(start, settings, monkeypatch):
    start(METRICS_TOKEN="short")
    ((before,),) = ServerConfiguration.objects.values_list("state")
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-" * 8, [old]
    assert start().changes == {"SECRET_KEY": ["set", "changed"]}
    ((after,),) = ServerConfiguration.objects.values_list("state")
    assert before["codes"]["METRICS_TOKEN"] != after["codes"]["METRICS_TOKEN"]
    settings.SECRET_KEY_FALLBACKS = []
    assert start(METRICS_TOKEN="other").changes == {"METRICS_TOKEN": ["set", "changed"]}
    settings.SECRET_KEY = "a-third-" * 8
    assert start(METRICS_TOKEN="third").changes == {"SECRET_KEY": ["set", "changed"]}  # the rest can't be compared


def test_workers_of_one_start_and_of_an_older_one_add_nothing(start):
    assert start(SUDO_MINUTES="5", start_id="old")
    assert start(SUDO_MINUTES="6", start_id="new")
    assert start(start_id="new") is None
    assert start(SUDO_MINUTES="5", start_id="old") is None  # a worker that took the place of one that died
    assert start(SUDO_MINUTES="6") is None


def test_a_clock_that_was_set_back_hides_no_change(start):
    start(SUDO_MINUTES="5")
    assert start(SUDO_MINUTES="6", seconds=-7200).changes == {"SUDO_MINUTES": [5, 6]}


@pytest.mark.django_db(transaction=True)
def test_workers_and_servers_that_start_at_once_make_one_event(settings, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", settings.SECRET_KEY)
    servers = [Start(f"server-{number}", f"start-{number}", timezone.now()) for number in (1, 2, 3)]
    begun = at_once(*(partial(record_start, Snapshot.take(), this) for this in servers * 2))
    assert sorted(type(each).__name__ for each in begun) == ["AuditLog", *["NoneType"] * 5]
    monkeypatch.setenv("SUDO_MINUTES", "59")
    again = [Start(this.instance, f"{this.id} again", timezone.now()) for this in servers]
    changed = at_once(*(partial(record_start, Snapshot.take(), this) for this in again * 2))
    (event,) = [each for each in changed if each is not None]
    assert event.changes["SUDO_MINUTES"][1] == 59
    assert ServerConfiguration.objects.count() == 3


def test_a_rolling_restart_is_one_event_and_servers_that_differ_for_good_make_none(start):
    for name in ("one", "two", "three"):
        start(name, SUDO_MINUTES="5")
    assert start("one", SUDO_MINUTES="6").changes == {"SUDO_MINUTES": [5, 6]}
    assert start("two") is None
    assert start("three", SUDO_MINUTES="7").changes == {"SUDO_MINUTES": [5, 7]}  # a slip
    for _ in range(3):
        assert start("one", SUDO_MINUTES="6") is None
        assert start("three", SUDO_MINUTES="7") is None
    assert start("three", SUDO_MINUTES="6").changes == {"SUDO_MINUTES": [7, 6]}
    # Back and forth is two changes, also by another server.
    assert start("one", SUDO_MINUTES="5").changes == {"SUDO_MINUTES": [6, 5]}
    assert start("two", SUDO_MINUTES="5") is None


def test_a_server_with_a_new_name_is_compared_with_the_last_change(start):
    start("pod-a", SUDO_MINUTES="5")
    assert start("pod-b") is None
    assert start("pod-c", SUDO_MINUTES="6").changes == {"SUDO_MINUTES": [5, 6]}
    assert start("pod-d") is None
    assert start("pod-e", SUDO_MINUTES="5").changes == {"SUDO_MINUTES": [6, 5]}
    start("pod-f", SUDO_MINUTES="9", seconds=100 * 86_400)
    assert list(ServerConfiguration.objects.values_list("pk", flat=True)) == ["pod-f"]


def test_settings_page_and_api_say_since_when(start, cast, settings):
    start(SUDO_MINUTES="5")
    event = start(SUDO_MINUTES="6")
    answer = Caller(cast.manager).get("/api/settings").json()
    assert answer["last_change"]["event"] == event.pk
    assert answer["instance"] == "one"
    assert answer["fingerprint"] == event.details["fingerprint"]
    rows = {row["name"]: row for group in answer["groups"] for row in group["settings"]}
    assert rows["SUDO_MINUTES"]["since"] == answer["last_change"]["at"] > rows["PAGE_IDLE_MINUTES"]["since"]
    page = page_client(cast.manager).get("/settings").content.decode()
    row = page.partition('id="SUDO_MINUTES"')[2].partition("</tr>")[0]
    assert f'href="/audit/{event.pk}"' in row
    assert f'href="/audit/{event.pk}"' in page.partition("Last changed")[2].partition("</dd>")[0]
    assert f'href="/audit/{event.pk}"' not in page.partition('id="PAGE_IDLE_MINUTES"')[2].partition("</tr>")[0]


def test_the_event_is_found_in_the_log(start, cast):
    start()
    event = start(SUDO_MINUTES="6")
    client = page_client(cast.manager)
    assert f"/audit/{event.pk}" in client.get("/audit", {"resource": "settings"}).content.decode()
    assert "SUDO_MINUTES" in client.get(f"/audit/{event.pk}").content.decode()


def test_the_log_refuses_the_value_of_a_secret_variable():
    for value in ("the-token", ["x"]):
        with pytest.raises(ValueError, match="METRICS_TOKEN must not be recorded"):
            record(actor=System(), action="update", resource="settings", changes={"METRICS_TOKEN": ("set", value)})
