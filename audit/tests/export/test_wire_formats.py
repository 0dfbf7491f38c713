"""The formats of the seal: they are what the standards say, and stay what they are."""

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as some

from audit.crypto.merkle import leaf_hash
from audit.crypto.sealed_row import SealedRow, canonical_bytes, commitment, encode
from audit.crypto.signed_note import NoteError, Signer, VerifierKey, sign, verify_note
from audit.tests.support.standalone_verifier import module as verifier

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database

JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53) + 1, 2**53 - 1) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(some.characters(max_codepoint=0x7F)), inner),
)


@given(JSON)
@pytest.mark.slow
def test_canonical_json_is_that_of_rfc_8785(value):
    assert encode(value) == rfc8785.dumps(value) == verifier.canonical(value)


# RFC 8032, section 7.1: public key, message, signature
SIGNATURES = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"  # noqa: ISC004 (one signature)
        "55141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"  # noqa: ISC004 (one signature)
        "00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"  # noqa: ISC004 (one signature)
        "027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), SIGNATURES)
def test_the_verifier_knows_the_signatures_of_rfc_8032(public, message, signature):
    public, message, signature = map(bytes.fromhex, (public, message, signature))
    assert verifier.is_signed(public, message, signature)
    assert not verifier.is_signed(public, message + b"x", signature)


def accepted(public, message, signature):
    """What the library says."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_the_verifier_and_the_library_agree_on_signatures_good_and_bad():
    chance = random.Random(8032)
    for _ in range(60):
        key, message = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)), chance.randbytes(20)
        public, signature = key.public_key().public_bytes_raw(), key.sign(message)
        assert verifier.is_signed(public, message, signature)
        for content in (public, message, signature):
            bad = bytearray(content)
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            parts = [bytes(bad) if part is content else part for part in (public, message, signature)]
            assert verifier.is_signed(*parts) is accepted(*parts) is False


def test_a_signature_has_one_form():
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"text")
    raised = int.from_bytes(signature[32:], "little") + verifier.ORDER
    assert not verifier.is_signed(public, b"text", signature[:32] + raised.to_bytes(32, "little"))
    for length in (0, 63, 65):
        assert not verifier.is_signed(public, b"text", (signature + b"\0")[:length])
    beyond = (verifier.P + 1).to_bytes(32, "little")  # a second form of y = 1
    assert not verifier.is_signed(beyond, b"text", signature)
    with pytest.raises(verifier.Wrong):
        verifier.point_of(beyond)
    with pytest.raises(verifier.Wrong):  # x = 0 with a sign
        verifier.point_of((1 | 1 << 255).to_bytes(32, "little"))


# The example of Go's golang.org/x/mod/sumdb/note, which the format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_signed_note_of_go_verifies():
    key = VerifierKey.parse(GO_KEY)
    assert str(key) == GO_KEY
    assert verify_note(f"{GO_TEXT}\n{GO_LINE}", [key]) == (GO_TEXT, [key])
    own = verifier.key_of(GO_KEY)
    assert verifier.open_note(f"{GO_TEXT}\n{GO_LINE}", [own]) == (GO_TEXT[:-1], [own])


@pytest.mark.parametrize(
    "note",
    [
        f"{GO_TEXT}\n{GO_LINE}".replace("answer", "question"),
        f"{GO_TEXT}\n{GO_LINE}".replace("x08go", "x08gp"),
        f"{GO_TEXT}\n{GO_LINE}"[:-1],
        f"{GO_TEXT}{GO_LINE}",
        f"{GO_TEXT}\n{GO_LINE}".replace("—", "-"),
        f"{GO_TEXT}\n{GO_LINE}".replace(" PeterNeumann", " Somebody"),
        GO_TEXT,
        "",
    ],
)
def test_another_note_does_not(note):
    with pytest.raises(NoteError):
        verify_note(note, [VerifierKey.parse(GO_KEY)])
    with pytest.raises(verifier.Wrong):
        verifier.open_note(note, [verifier.key_of(GO_KEY)])


@pytest.mark.parametrize(
    "text", ["", "PeterNeumann", GO_KEY[:-1], GO_KEY.replace("c74f20a3", "c74f20a4"), GO_KEY.replace("ARpc", "AhpC")]
)
def test_a_damaged_key_is_refused(text):
    with pytest.raises(NoteError):
        VerifierKey.parse(text)
    with pytest.raises(verifier.Wrong):
        verifier.key_of(text)


def test_a_note_with_two_signatures_is_read_by_both_programs():
    signers = [Signer("lab.example/audit", bytes([number]) * 32) for number in (1, 2)]
    note = sign("text\n", signers)
    keys = [signer.verifier for signer in signers]
    assert verify_note(note, keys) == ("text\n", keys)
    assert verifier.open_note(note, [verifier.key_of(str(key)) for key in keys])[0] == "text"
    assert verify_note(note, keys[1:]) == ("text\n", keys[1:])


ROW = SealedRow(
    id=7,
    version=1,
    timestamp=datetime(2030, 1, 31, 9, 30, tzinfo=UTC),
    user_id=3,
    username="anna",
    action="update",
    resource="user",
    resource_id="12",
    resource_name="Jürgen Groß",
    success=True,
    ip_address="2001:db8::1",
    user_agent="pipette/2",
    request_id="0123456789abcdef0123456789abcdef",
    session_id=UUID("11111111-1111-4111-8111-111111111111"),
    details={
        "reason": "“quoted”\n",
        "changes": {"roles": [["viewer"], []], "email": ["a@lab.example", "b@lab.example"], "is_active": [True, False]},
        "sent_to": "b@lab.example",
        "rows": 12345678901234567890,
    },
    actor_opening=bytes(range(16)),
    subject_opening=bytes(range(16, 32)),
)
CANONICAL = (
    "7b22616374696f6e223a22757064617465222c226163746f72223a22323732643534396666363937653662353034303861373936346235"
    "32373635663365663066316665656263663931623065643334653665613134356661633630222c2264657461696c73223a7b226368616e"
    "676573223a7b22656d61696c223a6e756c6c2c2269735f616374697665223a5b747275652c66616c73655d2c22726f6c6573223a5b5b22"
    "766965776572225d2c5b5d5d7d2c22726561736f6e223a22e2809c71756f746564e2809d5c6e222c22726f7773223a3132333435363738"
    "3930313233343536373839302c2273656e745f746f223a6e756c6c7d2c226964223a372c22726571756573745f6964223a223031323334"
    "353637383961626364656630313233343536373839616263646566222c227265736f75726365223a2275736572222c227265736f757263"
    "655f6964223a223132222c2273657373696f6e5f6964223a2231313131313131312d313131312d343131312d383131312d313131313131"
    "313131313131222c227375626a656374223a22386236613463336438373730663462363664396465303733393837346531393265313437"
    "63656534343938643332636564613134306464333638393335363966222c2273756363657373223a747275652c2274696d657374616d70"
    "223a22323033302d30312d33315430393a33303a30302e3030303030305a222c22757365725f6964223a332c2276223a317d"
)
LEAF = "c2f5a64a4418356e5e3dc71d8ce91d2e449cb9f9ea4a4976701bf56d5b551e5f"


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        ROW._replace(timestamp=datetime(2030, 1, 31, 18, 30, tzinfo=timezone(timedelta(hours=9)))),
        ROW._replace(details=dict(reversed(ROW.details.items()))),
        ROW._replace(ip_address="2001:0DB8:0:0::1"),
        ROW._replace(details=json.loads(json.dumps(ROW.details))),
    ],
)
def test_the_canonical_bytes_of_an_event_stay_what_they_are(row):
    assert canonical_bytes(row).hex() == CANONICAL
    assert leaf_hash(canonical_bytes(row)).hex() == LEAF


@pytest.mark.parametrize("name", [name for name in SealedRow._fields if name != "session_id"])
def test_every_column_counts(name):
    value = getattr(ROW, name)
    changes = {
        int: 8,
        bool: False,
        str: "other",
        bytes: b"x" * 16,
        dict: {},
        datetime: datetime(2030, 1, 1, tzinfo=UTC),
    }
    assert canonical_bytes(ROW._replace(**{name: changes[type(value)]})) != canonical_bytes(ROW)
    assert canonical_bytes(ROW._replace(session_id=None)) != canonical_bytes(ROW)


def test_an_erased_event_has_the_same_canonical_bytes():
    parts = json.loads(canonical_bytes(ROW))
    erased = ROW._replace(
        username="",
        user_agent="",
        ip_address=None,
        resource_name="",
        details={**ROW.details, "sent_to": None, "changes": {**ROW.details["changes"], "email": None}},
        actor_opening=bytes.fromhex(parts["actor"]),
        subject_opening=bytes.fromhex(parts["subject"]),
    )
    assert canonical_bytes(erased).hex() == CANONICAL
    assert "Groß" not in canonical_bytes(ROW).decode()
    assert commitment(ROW.actor_opening, {}) != commitment(ROW.subject_opening, {})
