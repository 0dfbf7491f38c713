"""The audit page offers everything that events are about."""

import ast

from django.conf import settings

from accounts.core.catalogue import PERMISSIONS
from accounts.permissions import ADMIN_SITE
from audit.models.resources import RESOURCES
from reprotech.testing.client import page_client

WRITERS = {"record", "event", "erase_parts", "About"}


def recorded_resources():
    """Every resource that our code names where it records an event."""
    for app in ("access_requests", "accounts", "analytics", "audit", "reprotech", "reviews", "sso"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if "tests" in path.parts:
                continue
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") in WRITERS:
                    given = [word.value for word in call.keywords if word.arg == "resource"]
                    for value in [*given, *(call.args[:1] if call.func.id == "About" else [])]:
                        # One of two, as `"user" if … else "auth"`, or one alone.
                        leaves = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                        yield from (leaf.value for leaf in leaves if isinstance(leaf, ast.Constant))


def test_about_offers_every_resource_that_is_recorded(cast):
    named = {*recorded_resources(), *(entry.resource for entry in PERMISSIONS), ADMIN_SITE.rpartition("_")[0]}
    assert {"auth", "database", "lab_test", "admin"} <= named
    assert named <= {*RESOURCES}
    page = page_client(cast.manager).get("/audit").content.decode()
    for resource in RESOURCES:
        assert f'<option value="{resource}"' in page
