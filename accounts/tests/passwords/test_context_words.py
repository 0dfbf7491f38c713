"""No password is little more than a word that everybody of the laboratory thinks of."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from reprotech.testing.client import Caller, error_of

SENTENCE = "Don't use the name of this system or of your laboratory."


@pytest.mark.parametrize(
    "password", ["Reprotech-1", "REPROTECH1a!", "1!reproTECH", "Biobank-26!", "BioBank1!Biobank", "St. Anna-1"]
)
def test_a_word_with_hardly_anything_around_it_is_refused(settings, password):
    settings.PASSWORD_CONTEXT_WORDS = {"reprotech", "biobank", "st. anna"}
    with pytest.raises(ValidationError) as refusal:
        validate_password(password)
    assert SENTENCE in refusal.value.messages


@pytest.mark.parametrize("password", ["Reprotech-is-2-old", "Biobank-26!", "Correct-Horse-7"])
def test_a_word_within_more_or_that_nobody_named_is_fine(settings, password):
    assert {"reprotech"} == settings.PASSWORD_CONTEXT_WORDS
    validate_password(password)


def test_the_api_says_so(cast):
    change = {"current_password": "Correct-Horse-7", "new_password": "Reprotech-26"}
    response = Caller(cast.viewer).post("/api/auth/change-password", change)
    assert error_of(response)["errors"] == {"new_password": [SENTENCE]}
