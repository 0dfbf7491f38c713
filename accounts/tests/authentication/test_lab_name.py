"""The name of the laboratory stands where people meet the installation first."""

import pytest
from django.core import mail

from accounts.users.services import create_user
from reprotech.tests.support.command_runner import manage

pytestmark = pytest.mark.django_db


def test_without_one_it_is_reprotech(client):
    page = client.get("/login").content.decode()
    assert "<title>Sign in · Reprotech</title>" in page
    assert "identity-name" not in page


def test_it_stands_on_the_page_in_the_title_and_before_subjects(
    cast, client, settings, django_capture_on_commit_callbacks
):
    settings.LAB_NAME = "Huxley & <Söhne>"
    page = client.get("/login").content.decode()
    assert "<title>Sign in · Huxley &amp; &lt;Söhne&gt;</title>" in page
    assert '<p class="identity-name">Huxley &amp; &lt;Söhne&gt;</p>' in page
    with django_capture_on_commit_callbacks(execute=True):
        create_user(actor=cast.admin, username="newcomer", email="newcomer@lab.example")
    assert mail.outbox[-1].subject.startswith("Huxley & <Söhne>: ")


@pytest.mark.parametrize("name", ["x" * 61, "Two\nlines", "Bell\a"])
def test_a_wrong_one_stops_the_start(name):
    done = manage("check", env={"LAB_NAME": name, "DEBUG": "true", "SECRET_KEY": "s" * 40, "JWT_SECRET_KEY": "j" * 40})
    assert done.returncode != 0
    assert "LAB_NAME must have at most 60 characters" in done.stdout + done.stderr
