"""The guides for users and administrators, and against trouble, quote the product as it is; their commands work."""

import json
import re
import subprocess

import pytest

from accounts.core.catalogue import PERMISSIONS, RESOURCES, ROLES
from reprotech.testing.plugin import ROOT
from reprotech.tests.support.command_runner import Installation

# The guides say the same whatever the database.
pytestmark = pytest.mark.only_on("sqlite")

GUIDES = ["users", "administration", "applications", "reviews", "troubleshooting"]
LETTERS = {"revoke": "x"}  # all others stand for themselves
#: They look at the machine or at another one: what they say is nothing of ours.
NOT_OURS = {"openssl", "timedatectl"}


def guide(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def commands(name):
    """The lines of the guide's blocks of shell commands."""
    blocks = re.findall(r"^```sh\n(.*?)^```", guide(name), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def product():
    """All that the product can say: templates, code and scripts, with sentences that are written in pieces whole."""
    apps = ("access_history", "access_requests", "accounts", "analytics", "audit", "reprotech", "reviews", "sso")
    code = [path for app in apps for path in (ROOT / app).rglob("*.py")]
    code += (ROOT / "scripts").glob("*.py")
    others = [*(ROOT / "templates").rglob("*.html"), ROOT / "scripts" / "server"]
    texts = [re.sub(r'"\s+f?"', "", path.read_text(encoding="utf-8")) for path in code if "tests" not in path.parts]
    texts += [path.read_text(encoding="utf-8") for path in others]
    return re.sub(r"\s+", " ", "\n".join(texts))


@pytest.mark.parametrize("name", GUIDES)
def test_what_stands_in_bold_is_what_the_product_says(name, product):
    text = re.sub(r"\s+", " ", guide(name))
    quotes = set(re.findall(r"\*\*(.+?)\*\*", text)) - {"bold"}
    assert len(quotes) > 15
    # It begins there where it begins here: after a tag, a quotation mark, a value or a sign.
    said = {quote for quote in quotes if re.search(rf"""(?:[>}}"·]|\. |: ) ?{re.escape(quote)}(?!\w)""", product)}
    assert quotes - said == set()


def test_the_table_of_roles_says_what_each_may_do():
    rows = [f"| | {' | '.join(role.name for role in ROLES)} |", f"| {' | '.join(['---'] * (len(ROLES) + 1))} |"]
    for resource, _, actions in RESOURCES:
        names = {f"{resource}_{action}": LETTERS.get(action, action[0]) for action in actions.split()}
        held = ["".join(letter for name, letter in names.items() if name in role.permissions) for role in ROLES]
        rows.append(f"| {resource.replace('_', ' ')} | {' | '.join(f'`{word}`' if word else '-' for word in held)} |")
    table = re.search(r"^\| \| Super Administrator.*?(?=\n\n)", guide("administration"), re.DOTALL | re.MULTILINE)
    assert table[0].splitlines() == rows


def test_the_letters_of_the_table_are_explained():
    explained = dict(re.findall(r"`(\w)` (\w+)", guide("administration")))
    assert explained == {
        LETTERS.get(permission.action, permission.action[0]): permission.action for permission in PERMISSIONS
    }


#: Gives mira a second factor to lose, and does all in one process, since each takes a second to start.
RUN = """
from django.core.management import call_command
from accounts.models import User
from reprotech.tests.support.mfa_devices import give_app
give_app(User.objects.get(username="mira"))
for words in {commands}:
    print("$", *words)
    call_command(*words)
"""


def test_the_commands_against_trouble_work(stack, tmp_path):
    lab = Installation(stack, tmp_path / "lab", migrated=True).grow()
    ours = [line.split()[1:] for line in commands("troubleshooting") if line.startswith("reprotech ")]
    alone = [words for words in ours if words[0] == "check_config"]  # it reads settings in a way of its own
    together = [words for words in ours if words not in alone]
    assert (len(alone), len(together)) == (2, 7)
    said = lab.do("shell", "--no-imports", "-c", RUN.format(commands=together))
    for expected in ("mira@lab.example", "has no second factor now", "Maintenance mode is off.", "none was changed"):
        assert expected in said
    for words in alone:
        assert "Reprotech starts with these settings." in lab.do(*words)


def test_the_other_commands_against_trouble_are_of_a_kind_that_is_checked():
    programs = {line.split()[0] for line in commands("troubleshooting")}
    assert programs == {"reprotech", "curl", "grep", *NOT_OURS}


def test_health_is_asked_as_the_guide_says_and_names_both_parts(server):
    (command,) = (line for line in commands("troubleshooting") if line.startswith("curl"))
    command = command.replace("http://127.0.0.1:5001", server.url)
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True)
    health = json.loads(done.stdout)
    assert (health["database"], health["cache"]) == ("connected", "connected")


def test_what_the_guide_looks_for_in_the_log_is_what_the_product_logs(product):
    patterns = [re.search('"(.+?)" "|grep ([A-Z]+) ', line) for line in commands("troubleshooting") if "grep" in line]
    assert len(patterns) == 3
    for pattern in patterns:
        assert (pattern[1] or f"logger.{pattern[2].lower()}(") in product
