"""What the documents for developers name exists: links, files, names, tables and commands."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files

ROOT = Path(settings.BASE_DIR)
APPS = ("access_history", "access_requests", "accounts", "analytics", "audit", "reprotech", "reviews", "sso")
#: Run by CI (`.ci/run`), or by tests of the commands themselves.
SCRIPTS = {"scripts/server", "scripts/test", "scripts/docs", ".ci/run"}
#: Names in the documents that are no names of ours: of Django, REST framework and the worked example.
FOREIGN = set(
    """
    sample_export ATOMIC_REQUESTS AUDITLOG_LOGENTRY_MODEL AddIndexConcurrently AllowAny BCryptSHA256PasswordHasher
    JWTAuthentication ModelBackend TokenBackend add_user change_user db_default has_perm select_for_update
    """.split()
)


def guides():
    found = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("development/*.md"), *(ROOT / "docs").glob("adr/*.md")]
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in sorted(found)]


def text_of(path):
    return path.read_text(encoding="utf-8")


def prose(path):
    """The text without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)


def code_spans(path):
    return re.findall(r"`([^`]+)`", prose(path))


def shell_commands(path):
    blocks = re.findall(r"^```sh\n(.*?)^```", text_of(path), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@cache
def definitions(path):
    """Names that a module defines, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
    return found


@cache
def all_definitions():
    """Names that our code defines or reads from the environment, and the database's tables."""
    modules = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    return set().union(*map(definitions, modules)) | tables()


def tables():
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True)}


@pytest.mark.parametrize("path", guides())
def test_links_lead_to_files(path):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", prose(path))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", guides())
def test_files_that_are_named_exist(path):
    words = [word for span in (*code_spans(path), *shell_commands(path)) for word in span.split()]
    named = [word for word in words if "/" in word and re.fullmatch(r"(?!\.venv)[\w.][\w./-]*", word)]
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", guides())
def test_what_is_said_to_be_in_a_file_is_defined_there(path):
    pairs = re.findall(r"`(\w+)`[^`.]{0,3}(?:\(| in )`([\w./-]+\.py)`", " ".join(prose(path).split()))
    assert [(name, file) for name, file in pairs if name not in definitions(ROOT / file)] == []


@pytest.mark.parametrize("path", guides())
def test_code_of_a_file_is_what_stands_there(path):
    """An example that begins with a file's name shows lines of it, in their order; it may leave some out."""
    for file, example in re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", text_of(path), re.DOTALL | re.MULTILINE):
        lines = iter(text_of(ROOT / file).splitlines())
        assert [line for line in example.splitlines() if line and line not in lines] == [], file


@pytest.mark.parametrize("path", guides())
def test_names_are_defined_somewhere(path):
    """Words with an underscore or a capital within, and what is called: those are names of code, not of English."""
    names = {span for span in code_spans(path) if re.fullmatch(r"[A-Za-z]\w*", span)}
    named = {name for name in names if "_" in name or re.search("[a-z][A-Z]", name)}
    called = {found[1] for span in code_spans(path) if (found := re.fullmatch(r"@?(\w+)\(.*\)", span))}
    assert (named | called) - all_definitions() - FOREIGN == set()


@pytest.mark.parametrize("path", guides())
def test_dotted_names_are_defined(path):
    named = {span for span in code_spans(path) if re.fullmatch(rf"({'|'.join(APPS)})\.[\w.]+", span)}
    assert {name for name in named if not is_defined(name)} == set()


def is_defined(name):
    """Whether a dotted name is a package, a module, or something that a module defines."""
    path = ROOT / name.replace(".", "/")
    owner = path.parent.with_suffix(".py")
    return path.is_dir() or path.with_suffix(".py").exists() or (owner.exists() and path.name in definitions(owner))


@pytest.mark.parametrize("path", guides())
def test_commands_are_run_by_ci_or_by_tests_of_their_own(path):
    checks = text_of(ROOT / ".ci" / "run").replace('"$python"', ".venv/bin/python")
    checks = checks.replace('"$(dirname .venv/bin/python)/lint-imports"', ".venv/bin/lint-imports")
    unknown = [
        command for command in shell_commands(path) if command.split()[0] not in SCRIPTS and command not in checks
    ]
    assert [command for command in unknown if not is_a_tested_command(command)] == []


def is_a_tested_command(command):
    """Whether it is one of `manage.py` that some test or CI calls by its name."""
    found = re.fullmatch(r"\.venv/bin/python manage\.py (\w+).*", command)
    callers = [ROOT / ".ci" / "run", *(path for app in APPS for path in (ROOT / app).rglob("test_*.py"))]
    return found is not None and any(re.search(rf'["\s]{found[1]}["\s]', text_of(path)) for path in callers)


GLOSSARY = ROOT / "docs" / "development" / "glossary.md"


def test_tables_of_the_glossary_exist():
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"tables? ((?:`\w+`(?:, )?)+)", text_of(GLOSSARY)))))
    assert len(named) > 10
    assert named - tables() == set()


def test_the_glossary_is_in_order():
    words = re.findall(r"^\| \*\*(.+?)\*\*", text_of(GLOSSARY), re.MULTILINE)
    assert len(words) > 40
    assert words == sorted(words, key=lambda word: word.lower().replace("-", " "))


RECORDS = sorted((ROOT / "docs" / "adr").glob("0*.md"))


def test_decision_records_are_numbered_and_listed():
    titles = [re.match(r"# (\d+)\. ", text_of(path)) for path in RECORDS]
    assert [int(title[1]) for title in titles] == [int(path.name[:4]) for path in RECORDS]
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    listed = re.findall(r"^\| \[(\d+)\. .*?\]\((.+?)\)", text_of(ROOT / "docs" / "adr" / "README.md"), re.MULTILINE)
    assert listed == [(str(int(path.name[:4])), path.name) for path in RECORDS]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in RECORDS])
def test_a_decision_record_has_its_parts(path):
    parts = re.findall(r"^## (.+)", text_of(path), re.MULTILINE)
    assert parts[:4] == ["Status", "Context", "Decision", "Consequences"]
    assert parts[4:] in ([], ["How to remove it"])
