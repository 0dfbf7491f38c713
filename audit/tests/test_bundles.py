"""Bundles: what is in them, from where, and at what cost."""

import io
import json

from audit.bundles import selected_bundle, write_bundle
from audit.models import AuditLog
from audit.sealing import Sealer
from audit.services import record


def test_smoke(db):
    for n in range(1300):
        record(actor=None, action="login", resource="auth", number=n)
    Sealer().seal()
    f = io.BytesIO()
    write_bundle(f)
    lines = [json.loads(line) for line in f.getvalue().decode().splitlines()]
    assert lines[-1]["end"] == AuditLog.objects.count()
    assert len(lines) == AuditLog.objects.count() + 2
    b = selected_bundle(AuditLog.objects.filter(pk__gt=20), {})
    sel = [json.loads(line) for line in b.lines()]
    assert len(sel) - 2 == AuditLog.objects.filter(pk__gt=20).count()
