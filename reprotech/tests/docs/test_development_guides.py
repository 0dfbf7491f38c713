"""What the documents for developers name exists: links, files, names, tables and commands."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
GUIDES = [ROOT / "CONTRIBUTING.md", *sorted((DOCS / "development").glob("*.md")), *sorted((DOCS / "adr").glob("*.md"))]
APPS = ("accounts", "analytics", "audit", "reprotech")
#: Run by CI (`.ci/run`), or by tests of the commands themselves.
SCRIPTS = {"scripts/server", "scripts/test", "scripts/docs", ".ci/run"}


def guides():
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in GUIDES]


def prose(path):
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", guides())
def test_links_lead_to_files(path):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", prose(path))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_tables_of_the_glossary_exist():
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"tables? ((?:`\w+`(?:, )?)+)", GLOSSARY))))
    assert len(named) > 10
    assert named - tables == set()


GLOSSARY = (DOCS / "development" / "glossary.md").read_text(encoding="utf-8")


def test_the_glossary_is_in_order():
    words = re.findall(r"^\| \*\*(.+?)\*\*", GLOSSARY, re.MULTILINE)
    assert len(words) > 40
    assert words == sorted(words, key=lambda word: word.lower().replace("-", " "))


@pytest.mark.parametrize("path", guides())
def test_commands_are_run_by_ci_or_by_tests_of_their_own(path):
    blocks = re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    checks = (ROOT / ".ci" / "run").read_text().replace('"$python"', ".venv/bin/python")
    unknown = [command for command in commands if command.split()[0] not in SCRIPTS and command not in checks]
    assert [command for command in unknown if not is_a_tested_command(command)] == []


def is_a_tested_command(command):
    """Whether it is one of `manage.py` that some test calls by its name."""
    found = re.fullmatch(r"\.venv/bin/python manage\.py (\w+).*", command)
    tests = (path for app in APPS for path in (ROOT / app).rglob("test_*.py"))
    return found is not None and any(f'"{found[1]}"' in path.read_text(encoding="utf-8") for path in tests)
