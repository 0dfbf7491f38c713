"""Where we use private API of other packages, and where a process remembers something: each place is named here.

An update of a package may change its private API without a word, and what a process remembers may be old. So a new
place of either needs a reason, and for what is remembered a row in docs/development/architecture.md.
"""

import ast
import importlib
import inspect
import re
import threading
from contextvars import ContextVar
from string import Formatter

import pytest
from django.core.cache.backends.base import BaseCache
from limits.storage import Storage

from reprotech.tests.house.test_architecture import APPS, ROOT, code

pytestmark = pytest.mark.only_on("sqlite")  # it reads files, and asks no server

PRIVATE_API = {
    "accounts/models/role_grants.py": "Django: a queryset with rows that were prefetched by way of other rows",
    "accounts/session_cache/invalidation_listener.py": "redis-py: reports of changed keys, and their socket",
    "audit/tracking/model_tracking.py": "Django: rows that a cascade deletes at once pass no public method",
    "reprotech/middleware/request_body.py": "Django: a body that was read takes its stream's place",
    "reprotech/web/admin.py": "Django: a form of the admin that a service saves must not fill its instance itself",
}
#: Names with an underscore that their packages document.
DOCUMENTED = {
    "_make",
    "_meta",
    "_default_manager",
    "_base_manager",
    "_state",
    "_asdict",
    "_replace",
    "_fields",
    "_typeshed",
}

#: A process's state, and what makes it void.
STATE = {
    "accounts/notifications/outbox.py": "its thread, until it is stopped; ids of sent messages, until they are deleted",
    "accounts/session_cache/local.py": "sessions: invalidation by Redis, or 20 seconds",
    "accounts/throttling/rate_limits.py": "counters without Redis: the end of their window; outages: seconds",
    "accounts/throttling/token_calls.py": "calls that Redis was not informed of: the next question to Redis",
    "reprotech/core/process_cache.py": "five minutes, or as its users say",
    "reprotech/core/request_context.py": "the end of the request",
}
MAX_STATEFUL_MODULES = 6
#: Context variables as that of `request_context`: they end with a call.
WITHIN_A_CALL = {
    "accounts/access/authorization.py",
    "accounts/core/hashers.py",
    "accounts/segregation/checks.py",
    "audit/authorization.py",
    "audit/services.py",
    "reprotech/core/change_warnings/__init__.py",
    "reprotech/db/present_time.py",
}
#: The registry of models, while the application loads; and the second database of a command, which serves nobody.
WITHOUT_REQUESTS = {
    "access_requests/housekeeping.py",
    "accounts/session_cache/change_listeners.py",
    "audit/tracking/model_tracking.py",
    "reprotech/backup/sqlite_to_postgres.py",
    "sso/sign_ins/wake.py",
}
#: Results that depend on the arguments, the code and settings alone, or objects that are made once.
MEMOIZED = {
    "access_history/questions/page_sql.py": {"_statement"},
    "accounts/core/catalogue.py": {"_ordered"},
    "accounts/core/confusables.py": {"_prototypes"},
    "accounts/core/encryption.py": {"_cipher"},
    "accounts/core/hashers.py": {"_threads"},
    "accounts/models/grants.py": {"grant_periods", "held_permissions", "role_rows"},
    "accounts/preferences/time_zones.py": {"time_zone_choices", "time_zone_names"},
    "accounts/session_cache/lookup.py": {"_script"},
    "accounts/sessions/jwt_signing.py": {"_key_ring", "key_id", "secret_key_ring"},
    "accounts/throttling/rate_limits.py": {"_file", "_redis", "limit_of"},
    "accounts/user_list/page_index.py": {"page_statement"},
    "audit/crypto/sealed_row.py": {"_mac_key"},
    "audit/tracking/events.py": {"_tracked_columns"},
    "reprotech/api/serialization.py": {"_reader_of"},
    "reprotech/api/viewsets.py": {"_authenticators"},
    "reprotech/core/jwk.py": {"public_key_of", "thumbprint"},
    "reprotech/core/status.py": {"_newest_migrations"},
    "reprotech/db/postgresql/timestamps.py": {"bounded_adapters"},
    "reprotech/documents/library.py": {"documents", "index_of_words", "sections"},
    "reprotech/maintenance_mode.py": {"_read"},
    "reprotech/middleware/api_fast_path.py": {"_match"},
    "reprotech/middleware/forwarded_headers.py": {"_parse"},
    "reprotech/middleware/request_context.py": {"sanitize_header"},
    "reprotech/monitoring/metrics.py": {"_counters"},
    "reprotech/settings_history/snapshot.py": {"_packages"},
    "reprotech/templatetags/reprotech.py": {"_svg"},
    "reprotech/web/query_params.py": {"parse_cached"},
    "sso/ending/http_post.py": {"_tls"},
    "sso/keys/signatures.py": {"from_pem"},
    "sso/sign_ins/services.py": {"_valid"},
}

IMPORT = ast.Import | ast.ImportFrom
MUTABLE = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp, ast.Call)
MUTATORS = {
    *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "insert", "pop", "popitem"),
    *("popleft", "remove", "setdefault", "update"),
}


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name != "_" and name not in DOCUMENTED


def own_names(tree):
    """What a module defines: functions, and variables of the module, of classes and of `self`."""
    names = {node.name for node in functions(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            is_of_self = isinstance(node, ast.Name) or getattr(node.value, "id", "") in {"self", "cls"}
            names |= {node.id if isinstance(node, ast.Name) else node.attr} if is_of_self else set()
    return names


def foreign_names(tree):
    """Private names that the module uses and doesn't define."""
    own = own_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from filter(is_private, names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"getattr", "setattr"}:
            yield from (a.value for a in node.args[1:2] if isinstance(a, ast.Constant) and is_private(str(a.value)))


def overridden_names(tree, namespace):
    """Private methods and variables of classes of other packages that the module's classes define too."""
    for node in tree.body:
        found = namespace.get(node.name) if isinstance(node, ast.ClassDef) else None
        if not inspect.isclass(found):
            continue
        defined = {item.name for item in functions(node)} | {
            item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
        }
        bases = [base for base in found.__mro__[1:] if base.__module__.partition(".")[0] not in APPS]
        yield from (name for name in filter(is_private, defined) if any(name in vars(base) for base in bases))


def changed_variables(tree):
    """Variables and classes, of the module or imported, that its functions change."""
    yield from (name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    made = {getattr(target, "id", "") for target, value in assigned(tree) if isinstance(value, MUTABLE)}
    imported = {alias.asname or alias.name for node in tree.body if isinstance(node, IMPORT) for alias in node.names}
    known = made | imported | {"cls"} | {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in (inner for function in functions(tree) for inner in ast.walk(function)):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield from known & {getattr(node.value, "id", None)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            # Of an imported name it may be a function of a module.
            yield from made & {getattr(node.func.value, "id", None)}


def memoized(tree):
    for function in functions(tree):
        decorators = " ".join(ast.unparse(decorator) for decorator in function.decorator_list)
        if re.search(r"\b(cache|lru_cache|memoize)\b", decorators):
            yield function.name


def changes_itself(kind):
    """Whether objects of one of our classes change after they are made."""
    if kind.__module__.partition(".")[0] not in APPS:
        return False
    methods = functions(ast.parse(inspect.getsource(kind)))
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and getattr(node.value, "id", "") == "self"
        for method in methods
        if method.name != "__init__"
        for node in ast.walk(method)
    )


def remembered(path, tree):
    """Variables of the module that change, or whose objects do."""
    names, own = set(changed_variables(tree)), {getattr(target, "id", "") for target, _ in assigned(tree)}
    for name, value in namespace_of(path).items():
        if name in own and (
            isinstance(value, BaseCache | Storage | ContextVar | threading.Event) or changes_itself(type(value))
        ):
            names.add(name)
    return names


def assigned(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((target, node.value) for target in node.targets)
        elif isinstance(node, ast.AnnAssign):
            yield node.target, node.value


def namespace_of(path):
    if path.name in {"__main__.py", "wsgi_worker.py"}:  # to import them is to start the server
        return {}
    return vars(importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__")))


def trees():
    return {path: ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in code()}


def test_private_api_is_used_where_it_is_named_and_nowhere_else():
    found = {
        str(path): names
        for path, tree in trees().items()
        if (names := {*foreign_names(tree), *overridden_names(tree, namespace_of(path))})
    }
    assert found.keys() == PRIVATE_API.keys(), found


def test_a_process_remembers_something_where_it_is_named_and_nowhere_else():
    found = {str(path): names for path, tree in trees().items() if (names := remembered(path, tree))}
    assert found.keys() == STATE.keys() | WITHIN_A_CALL | WITHOUT_REQUESTS, found
    assert len(STATE) <= MAX_STATEFUL_MODULES
    architecture = (ROOT / "docs/development/architecture.md").read_text(encoding="utf-8")
    assert [path for path in STATE if f"`{path}`" not in architecture] == []


def test_a_function_whose_results_are_kept_is_named():
    assert {str(path): names for path, tree in trees().items() if (names := set(memoized(tree)))} == MEMOIZED


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import redis\ndef f(c):\n  c._parser.read()", ["_parser"]),
        ("class A(B):\n  def f(self):\n    return self._now()", ["_now"]),
        ("from package._core import thing", ["_core"]),
        ("from package import _thing", ["_thing"]),
        ("setattr(a, '_stream', b)", ["_stream"]),
        ("class A:\n  def __init__(self):\n    self._x = 1\n  def f(self):\n    return self._x, self._meta", []),
    ],
)
def test_private_api_would_be_found(source, names):
    assert list(foreign_names(ast.parse(source))) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = 0\ndef f():\n  global x\n  x = 1", ["x"]),
        ("x = {}\ndef f():\n  x[1] = 2", ["x"]),
        ("x: dict = dict()\ndef f():\n  del x[1]", ["x"]),
        ("x = deque()\ndef f():\n  x.append(1)", ["x"]),
        ("x = Thing()\ndef f():\n  x.count = 1", ["x"]),
        ("class A:\n  @classmethod\n  def f(cls):\n    cls.count = 1", ["cls"]),
        ("from y import x\ndef f():\n  x[1] = 2", ["x"]),
        ("class A: pass\ndef f():\n  A.count = 1", ["A"]),
        ("x = {}\ndef f():\n  return x[1]", []),
        ("x = {}\ndef f(y):\n  y[1] = 2", []),
    ],
)
def test_a_variable_that_changes_would_be_found(source, names):
    assert list(changed_variables(ast.parse(source))) == names


def test_kept_results_would_be_found():
    source = "@cache\ndef a(): pass\n@lru_cache(maxsize=1)\ndef b(): pass\n@functools.lru_cache\ndef c(): pass"
    assert list(memoized(ast.parse(source))) == ["a", "b", "c"]


def test_an_overridden_private_method_would_be_found():
    source = "class Named(Formatter):\n  def _vformat(self): pass\n  def _own(self): pass"
    namespace = {"Formatter": Formatter}
    exec(source, namespace)  # noqa: S102 (a constant)
    assert list(overridden_names(ast.parse(source), namespace)) == ["_vformat"]
