"""At most one verification of the log runs at once, however many ask for one at the same moment."""

import subprocess
import sys
import time

import pytest
from django.test import Client

from audit.models import VerificationRun
from audit.verification import runs as verification_runs
from reprotech.testing.cast import at_once, eventually
from reprotech.testing.client import page_client

ASKING = 12


@pytest.mark.django_db(transaction=True)
def test_of_twelve_who_ask_at_once_one_starts_a_verification(cast, monkeypatch):
    browser, started = page_client(cast.manager), []

    def start(*_words, **_options):
        # A program that runs until it is terminated, in place of the verification itself.
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        started.append(process)
        return process

    def ask():
        client = Client()
        client.cookies = browser.cookies
        return client.post("/audit/verify").status_code

    looked = verification_runs.is_running

    def look_and_pause():
        answer = looked()
        time.sleep(0.05)  # in which the others look too, unless they wait for this one
        return answer

    monkeypatch.setattr(verification_runs, "start_command", start)
    monkeypatch.setattr(verification_runs, "is_running", look_and_pause)
    try:
        assert at_once(*[ask] * ASKING) == [302] * ASKING
        assert len(started) == VerificationRun.objects.count() == 1
        assert verification_runs.start_full_verification() is None
        assert verification_runs.begin_run(since=5) is None
    finally:
        for process in started:
            process.communicate(b"\n")
    eventually(lambda: not verification_runs.is_running())
    assert verification_runs.begin_run()


@pytest.mark.django_db(transaction=True)
def test_a_verification_that_can_not_be_started_does_not_keep_others_from_it(cast, monkeypatch):
    def refuse(*_words, **_options):
        raise OSError("no such program")

    monkeypatch.setattr(verification_runs, "start_command", refuse)
    with pytest.raises(OSError, match="no such program"):
        verification_runs.start_full_verification()
    assert not verification_runs.is_running()
