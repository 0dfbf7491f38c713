"""The form of a file for `manage.py apply`: every mistake gets its sentence, all of them at once."""

import json

import pytest

from reprotech.desired_state.document import MAX_BYTES, SECTIONS, DocumentRefused, read_document

pytestmark = pytest.mark.only_on("sqlite")


def refusal(content):
    with pytest.raises(DocumentRefused) as refused:
        read_document(content)
    return str(refused.value)


def test_toml_and_json_say_the_same():
    toml = b'\xef\xbb\xbf[[roles]]\r\nname = "Technician"\r\npermissions = ["sample_read"]\r\n'
    as_json = json.dumps({"roles": [{"name": "Technician", "permissions": ["sample_read"]}]}).encode()
    expected = {**{name: [] for name in SECTIONS}, "roles": [{"name": "Technician", "permissions": ["sample_read"]}]}
    assert read_document(toml) == read_document(as_json) == expected


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file says nothing"),
        (b"roles = []", "The file says nothing"),
        (b"a = [", "neither TOML nor JSON"),
        (b'{"roles": [', "neither TOML nor JSON"),
        (b"\xff\xfe", "isn't UTF-8"),
        (b" " * (MAX_BYTES + 1), "larger than 1 MB"),
        (b'{"roles": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"roles": [{"name": "a\\u0000"}]}', "characters that aren't text"),
        (b'{"roles": [{"name": "a\\ud800"}]}', "characters that aren't text"),
        (b'[[rols]]\nname = "x"', "There is no section rols. Did you mean roles?"),
        (b'[roles]\nname = "x"', "roles: write each entry as a table of its own: [[roles]]."),
        (b'{"roles": ["x"]}', "roles: write each entry as a table of its own"),
        (b"[[reviews]]", "reviews, entry 1: give it a name."),
        (b"[[applications]]\nslug = 3", "applications, entry 1: give it a slug."),
        (
            b'[[roles]]\nname = "A"\npermisions = []',
            "A: there is no field permisions. Did you mean permissions?",
        ),
        (b'[[roles]]\nname = "A"\nmode = "x"', "roles, A: there is no field mode. Known are: name, description,"),
        (b'[[roles]]\nname = "A"\nis_requestable = 1', "roles, A: is_requestable must be true or false."),
        (b'[[roles]]\nname = "A"\npermissions = [1]', "roles, A: permissions must be a list of texts."),
        (b'[[reviews]]\nname = "A"\ndue_days = true', "reviews, A: due_days must be a whole number."),
        (b'[[reviews]]\nname = "A"\nscope = "users"', "reviews, A: scope must be a table."),
        (b'[[roles]]\nname = "A"\n[[roles]]\nname = " a "', "roles: ' a ' stands there twice."),
    ],
)
def test_each_mistake_has_a_sentence(content, sentence):
    assert sentence in refusal(content)


def test_all_mistakes_are_said_at_once():
    said = refusal(b'[[rols]]\nname = "x"\n[[roles]]\nname = "A"\ndescription = 3\n[[reviews]]\n')
    assert said.count("\n") == 2
