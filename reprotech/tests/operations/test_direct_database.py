"""DATABASE_DIRECT_URL: commands go past the pooler, through which the servers reach the database."""

import os
import subprocess
import sys

import pytest

from reprotech.testing.commands import manage
from reprotech.testing.plugin import ROOT
from reprotech.testing.servers import free_port

NAME = "DATABASE_DIRECT_URL"


READ = "from django.conf import settings; print(settings.DATABASES['default']['PORT'])"


@pytest.mark.only_on("postgresql")
def test_commands_take_the_direct_address_and_servers_do_not(db):
    direct, pooler = os.environ["DATABASE_URL"], free_port()  # where nothing listens
    name = direct.rpartition("/")[2].partition("?")[0]
    pooled = {**os.environ, "DATABASE_URL": f"postgresql://me@127.0.0.1:{pooler}/{name}"}
    past = {**pooled, NAME: direct, "DJANGO_SETTINGS_MODULE": "reprotech.settings"}
    assert "can't be reached" in manage("migrate", "--plan", env=pooled).stderr
    assert manage("migrate", "--plan", env=past).returncode == 0
    server = subprocess.run(
        [sys.executable, "-c", READ], env=past, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert server.stdout == f"{pooler}\n"


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("postgresql://me@db.test/one", "postgresql://owner@db.test/two"),
        ("sqlite:///one.db", "postgresql://owner@db.test/one"),
    ],
)
def test_another_database_is_refused(url, direct):
    done = manage("check", env={**os.environ, "DATABASE_URL": url, NAME: direct})
    assert done.returncode != 0
    assert f"{NAME} must lead to the database that DATABASE_URL names." in done.stderr
