"""What people read says each thing in one way, and in the words that they expect.

A phrase that was replaced must not come back: each stands here with what is said in its place.
"""

import ast
import re
from itertools import pairwise

import pytest

from reprotech.testing.plugin import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files

APPS = ("access_history", "access_requests", "accounts", "analytics", "audit", "reprotech", "reviews", "sso")
REPLACED = {
    "Kept out, or no account yet?": "Locked out or need an account?",
    "The name or the password is wrong": "Incorrect username or password.",
    "Forgotten your password": "Forgot password?",
    "Look into your mail": "Check your e-mail",
    "Back to the sign-in": "Back to sign in",
    "Second step": "Two-step verification",
    "What you show beside your password": "An extra check at sign-in",
    "You proved who you are": "For your security, enter your password to continue.",
    "Confirm and go on": "Continue",
    "browsers want https": "Passkeys need HTTPS",
    "I have kept them": "I have saved these codes",
    "Make new codes": "Generate new codes",
    "What they may do": "Permissions",
    "What you may do": "Permissions",
    "You may not open this": "You don't have access to this page",
    "Go to the start": "Go to dashboard",
    "There is nothing here": "Page not found",
    "Where they are signed in": "Active sessions",
    "Nowhere right now": "No active sessions",
    "End all others": "Sign out other sessions",
    "What happened lately": "Recent activity",
    "Admin record": "Open in Django admin",
    "Give a role": "Assign role",
    "Take a role": "Remove role",
    "Your password is changed": "Password changed",
    "Never: a service account": "No sign-in (service account)",
    "They may do what any of their roles allows": "Users get the permissions of all their roles.",
    "What saving changes": "Summary of changes",
    "No permission is added or taken": "No changes yet",
    "It touches": "Affects",
    "Keep this view": "Save view",
    "Prove this": "Download proof",
    "What this report stands on": "About this report",
    "Words of names and details": "Search names and details",
    "Good for: ": "Expires in",
    "Make key": "Create key",
    "With nothing ticked it can only say": "With no permissions the key can only identify its owner.",
    "are passed over": "are ignored",
    "Check the file<": "Validate file",
    "Nobody else may have them": "Required, unique.",
    "As 30 days ago": "No change in 30 days",
    "good no longer": "This link has expired",
    "too old by the rules of your lab": "Your password has expired",
    "valid email": "Enter a valid e-mail address.",
    ">Colours<": "Theme",
    "log in": "sign in",
    "logged in": "signed in",
    "log out<": "sign out",
}
#: Where a word that is replaced elsewhere is a name of others, or of what one may type.
ALLOWED = {("reprotech/search/sources.py", "log out<")}
COMMENTS = re.compile(r"{#.*?#}|{% comment %}.*?{% endcomment %}|<!--.*?-->", re.DOTALL)


def docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def texts_of(path):
    """What a file may show: the texts of code without its comments, a template's or script's without its own."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(content)
        described = {id(node) for node in docstrings(tree)}
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in described]
        return "\n".join(node.value for node in nodes if isinstance(node.value, str))
    if path.suffix == ".js":
        return re.sub(r"^\s*//.*$", "", content, flags=re.MULTILINE)
    return re.sub(r"\s+", " ", COMMENTS.sub("", content))


@pytest.fixture(scope="module")
def texts():
    code = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    code = [path for path in code if not {"tests", "testing", "migrations"} & set(path.relative_to(ROOT).parts)]
    others = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]
    others += (ROOT / "static" / "js").glob("*.js")
    return {path.relative_to(ROOT).as_posix(): texts_of(path) for path in [*code, *others]}


@pytest.mark.parametrize("phrase", REPLACED)
def test_a_phrase_that_was_replaced_stays_away(texts, phrase):
    found = {name for name, text in texts.items() if phrase in text and (name, phrase) not in ALLOWED}
    assert found == set(), f"say: {REPLACED[phrase]}"


#: Names and abbreviations, which have a capital anywhere.
PROPER = {"Help", "Django", "API", "CSV", "JSON", "Lines", "E-mail", "IP", "ID", "UTC", "HTTPS", "Reprotech", "Super"}
SHOWN = re.compile(r"<(h1|h2|h3|legend|label|summary|th|dt|button)\b[^>]*>(.*?)</\1>", re.DOTALL)


def shown_pieces(text):
    """The headings, labels and buttons of a template, each without tags and cut where something is filled in."""
    for match in SHOWN.finditer(text):
        inner = re.sub(r"<[^>]*>|{{.*?}}|{%.*?%}", "\n", match[2])
        yield from (piece.strip() for piece in inner.splitlines() if piece.strip())


def has_capital_within(piece):
    """Whether a word has a capital that neither begins a sentence nor a name."""
    for before, word in pairwise(re.split(r"[\s/]+", piece)):
        if re.match(r"[A-Z][a-z]", word) and word not in PROPER and before[-1:] not in tuple(".:?!"):
            return True
    return False


def test_headings_labels_and_buttons_are_in_sentence_case(texts):
    pages = {
        name: text
        for name, text in texts.items()
        if name.startswith("templates/") and not name.startswith(("templates/admin/", "templates/emails/"))
    }
    assert len(pages) > 100
    assert {
        (name, piece) for name, text in pages.items() for piece in shown_pieces(text) if has_capital_within(piece)
    } == set()
