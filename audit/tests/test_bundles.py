import io
import json

from audit.bundles import complete_bundle, selected_bundle, write, write_bundle
from audit.models import AuditLog
from audit.sealing import Sealer
from audit.services import record, record_all, event


def test_smoke(db):
    s = Sealer()
    for n in range(60):
        record(actor=None, action="login", resource="auth", number=n)
        s.seal()
    record_all([event(actor=None, action="login", resource="auth", resource_name="Müller", number=n) for n in range(20000)])
    s.seal()
    import time
    from pathlib import Path
    t=time.time()
    f = io.BytesIO(); write_bundle(f); Path("/tmp/complete.jsonl").write_bytes(f.getvalue())
    print("complete", time.time()-t); t=time.time()
    f = io.BytesIO(); write_bundle(f, 7, 1000); Path("/tmp/part.jsonl").write_bytes(f.getvalue())
    t=time.time()
    f = io.BytesIO(); write(f, selected_bundle(AuditLog.objects.filter(pk__gt=20), {"a":"b"})); Path("/tmp/sel.jsonl").write_bytes(f.getvalue())
    print("sel", time.time()-t)
