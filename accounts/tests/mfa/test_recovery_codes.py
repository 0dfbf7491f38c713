"""Recovery codes have so many random bits that a plain hash keeps them safe; shorter ones from before stay good."""

import base64
import re

import pytest

from accounts.mfa import recovery_codes

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database


def test_a_code_has_at_least_112_random_bits_and_fits_a_form():
    codes = [code for _ in range(20) for code in recovery_codes.generate_codes()]
    assert len(set(codes)) == 200
    assert all(re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){5}", code) and len(code) <= 32 for code in codes)
    decoded = {base64.b32decode(code.replace("-", "")) for code in codes}
    assert {len(secret) * 8 for secret in decoded} == {120}
    # Every bit comes both ways: none is fixed.
    assert all({secret[place // 8] >> place % 8 & 1 for secret in decoded} == {0, 1} for place in range(120))


def test_codes_of_both_lengths_are_looked_up():
    for typed in ("ABCD-EFGH-IJKL-MNOP", "abcd efgh ijkl mnop qrst uvwx", recovery_codes.generate_codes()[0]):
        assert recovery_codes.is_well_formed(typed)
    for typed in ("123456", "ABCD", "ABCD-EFGH-IJKL-MNOP-QRST"):
        assert not recovery_codes.is_well_formed(typed)


def test_a_code_is_the_same_however_it_was_typed():
    typed = ["ABCD-EFGH-IJKL-MNOP", "abcd-efgh-ijkl-mnop", " abcd efgh\tijklmnop ", "ABCDEFGHIJKLMNOP"]
    assert len({recovery_codes.hash_code(code) for code in typed}) == 1
    assert recovery_codes.hash_code("\ud800" * 24) != recovery_codes.hash_code("\ud801" * 24)
