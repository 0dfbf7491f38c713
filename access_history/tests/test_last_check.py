"""What the last comparison of the history with the log found is said wherever operators look."""

import os
from datetime import UTC, datetime

import pytest

from access_history.checking.outcome import LastCheck, last_check, record_check
from access_history.models import HistoryState, RolePeriod
from access_history.projection.catch_up import catch_up
from access_history.tests.test_rebuilding import ann, check  # noqa: F401 (a fixture)
from analytics import dashboard_cache
from audit.services import record
from reprotech.management.commands.check_config import access_history
from reprotech.testing.client import Caller, page_client
from reprotech.testing.commands import manage

WHEN = datetime(2031, 3, 2, 1, 5, tzinfo=UTC)
DIFFERENT = "Differs from the log"
LINE = "The access history differs from the audit log"


@pytest.mark.parametrize(
    ("found", "hours", "result", "sentence"),
    [
        ((None, 0), 24, "never", "was never compared with the audit log: the server does it within a day."),
        ((None, 0), 0, "never", "since AUDIT_VERIFY_HOURS is 0: manage.py rebuild_access_history --check does it."),
        ((WHEN, 0), 24, "matches", "is what the audit log says. Compared on 2 March 2031 at 01:05 UTC."),
        ((WHEN, 1), 24, "differs", "differs in one place from the audit log"),
        ((WHEN, 1_200), 24, "differs", "--check names them. Compared on 2 March 2031 at 01:05 UTC."),
    ],
)
def test_each_outcome_has_a_word_and_a_sentence(settings, found, hours, result, sentence):
    settings.AUDIT_VERIFY_HOURS = hours
    assert LastCheck(*found).result == result
    assert sentence in LastCheck(*found).sentence
    assert bool(LastCheck(*found).problem) == (result == "differs")


def test_page_api_dashboard_and_command_say_it(ann, cast, one_day, monkeypatch):  # noqa: F811
    monkeypatch.setattr(dashboard_cache, "REFRESH_SECONDS", 10**12)
    page, caller = page_client(cast.manager), Caller(cast.manager)

    def said():
        record(actor=None, action="export", resource="audit")  # open dashboards learn of it within a minute
        settings, home = page.get("/settings").content.decode(), page.get("/").content.decode()
        assert (DIFFERENT in settings) == (LINE in home)
        return caller.get("/api/settings").json()["access_history"], settings

    answer, settings = said()
    assert answer == {"result": "never", "checked_at": None, "differences": 0}
    assert "Not compared with the log yet" in settings
    assert "was never compared" in access_history()
    catch_up()
    record_check()
    answer, settings = said()
    checked = HistoryState.objects.get().checked_at
    assert answer == {"result": "matches", "checked_at": f"{checked:%Y-%m-%dT%H:%M:%S.%f}Z", "differences": 0}
    assert "As the log says" in settings
    assert "is what the audit log says. Compared on" in access_history()
    RolePeriod.objects.filter(name="Lector").update(name="Rector")
    record_check()
    answer, settings = said()
    assert (answer["result"], answer["differences"]) == ("differs", last_check().difference_count)
    assert DIFFERENT in settings
    assert "rebuild_access_history --check names them." in settings
    assert "differs in" in access_history()
    # Once it is mended by hand, nobody has to wait for the night.
    code, words = check()
    assert code == 0, words
    assert said()[0]["result"] == "matches"


@pytest.mark.only_on("sqlite")
def test_check_config_makes_no_database_and_hides_why_one_cannot_be_read(tmp_path):
    file = tmp_path / "lab.sqlite3"
    for url, sentence in (
        (f"sqlite:///{file}", "There is no access history yet: the database isn't made."),
        ("postgresql://me:Zq7@127.0.0.1:9/lab", "isn't known: the database can't be read."),
    ):
        done = manage("check_config", "--brief", env={**os.environ, "DEBUG": "true", "DATABASE_URL": url})
        assert sentence in done.stdout, done.stderr
        assert "Zq7" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert not file.exists()
