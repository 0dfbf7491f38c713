"""An installation may ask for long passwords instead of mixed ones."""

import os
import re
import subprocess
import sys

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from reprotech.testing.client import Caller, error_of, page_client
from reprotech.testing.plugin import ROOT

PHRASE = "four quiet mice under the stairs"


def faults(password):
    try:
        validate_password(password)
    except ValidationError as refusal:
        return refusal.messages
    return []


def test_by_default_eight_characters_of_four_kinds_will_do():
    assert faults("Ab3!efgh") == []
    assert faults(PHRASE) == ["Use an upper-case and a lower-case letter, a digit and a special character."]


def test_a_passphrase_of_any_composition_will_do_where_no_kinds_are_asked_for(settings):
    settings.PASSWORD_MIN_LENGTH, settings.PASSWORD_CHARACTER_CLASSES = 15, False
    assert faults(PHRASE) == faults("ένα μεγάλο ποτάμι") == faults("8305611529774406") == []
    assert faults("Ab3!efghijklmn") == ["Use at least 15 characters."]


def test_common_passwords_and_ones_own_name_stay_refused(settings, cast):
    settings.PASSWORD_MIN_LENGTH, settings.PASSWORD_CHARACTER_CLASSES = 10, False
    assert "This password is too common." in faults("qwertyuiop")
    change = {"current_password": "Correct-Horse-7", "new_password": "the-viewer"}
    errors = error_of(Caller(cast.viewer).post("/api/auth/change-password", change))["errors"]
    assert errors == {"new_password": ["Don't use your username or e-mail address."]}


def test_the_form_shows_the_rules_that_hold(tmp_path):
    show = (
        "import django; django.setup(); from accounts.passwords.validators import SHOWN_RULES; print(dict(SHOWN_RULES))"
    )
    chosen = {"PASSWORD_MIN_LENGTH": "15", "PASSWORD_CHARACTER_CLASSES": "false", "LOG_DIR": str(tmp_path)}
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "reprotech.settings", **chosen}
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "{'At least 15 characters': '^[^]{15,}$'}"


@pytest.mark.parametrize("length", ["7", "65", "many"])
def test_a_length_that_makes_no_sense_stops_the_start(tmp_path, length):
    environment = {**os.environ, "PASSWORD_MIN_LENGTH": length, "LOG_DIR": str(tmp_path)}
    command = [sys.executable, "-c", "import reprotech.settings"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, text=True)
    assert f"PASSWORD_MIN_LENGTH must be a whole number from 8 to 64, not '{length}'." in done.stderr


def test_no_field_shows_the_password_that_is_typed(cast, client):
    browser = page_client(cast.super_admin)
    pages = [client.get("/login"), *map(browser.get, ("/password", "/users/new", "/profile/security/confirm"))]
    pages.append(browser.get(f"/users/{cast.viewer.pk}/reset-password"))
    fields = [tag for page in pages for tag in re.findall(r"<input[^>]*password[^>]*>", page.content.decode())]
    named = [tag for tag in fields if re.search(r'name="((current_|new_)?password|repeated)"', tag)]
    assert len(named) >= 5
    assert all('type="password"' in tag for tag in named)
