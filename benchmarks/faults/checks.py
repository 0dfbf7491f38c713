"""What must hold after any fault: asked of the database itself, of the mail server and of the product."""

from benchmarks.faults.testbed import eventually

#: Seconds that mails and seals get. A mail that a killed process had in hand is tried again after five minutes.
PATIENCE = 400


def failures(testbed, load, patience=PATIENCE, also_mails=True):
    """A sentence for everything that is wrong."""
    writes = load.writes
    found = [*writes.breaches, *writes.surprises, *_lost(testbed, writes), *_doubled(testbed, writes)]
    if also_mails:
        eventually(lambda: not testbed.database.rows("SELECT 1 FROM outgoing_mails LIMIT 1"), patience, 1)
        found += _mails(testbed, writes)
    if not eventually(lambda: _unsealed(testbed) <= 0, patience, 1):
        found.append(f"{_unsealed(testbed)} events are not sealed")
    verified = testbed.web.manage("verify_audit", "--quiet")
    if verified.returncode:
        found.append(f"verify_audit: {(verified.stdout + verified.stderr).strip()[-300:]}")
    return found


def _unsealed(testbed):
    query = "SELECT (SELECT count(*) FROM audit_logs) - coalesce((SELECT max(size) FROM audit_checkpoints), 0)"
    return testbed.database.rows(query)[0][0]


def _lost(testbed, writes):
    """Acknowledged changes that the database doesn't have."""
    rows = testbed.database.rows
    users = {user: (name, locked) for user, name, locked in rows("SELECT id, username, locked_at FROM users")}
    roles = dict(
        rows(
            "SELECT user_id, min(name) FROM user_roles JOIN roles ON roles.id = role_id GROUP BY 1 HAVING count(*) = 1"
        )
    )
    sessions = {str(session): ended for session, ended in rows("SELECT id, ended_at FROM sessions")}
    checks = {
        "created": [user for user, name in writes.created.items() if users.get(user, ("",))[0] != name],
        "given a role": [user for user in writes.given if roles.get(user) != "Researcher"],
        "locked": [user for user in writes.locked if users.get(user, ("", None))[1] is None],
        "signed in": [session for session in writes.signed_in if session not in sessions],
        "signed out": [session for session in writes.signed_out if sessions.get(session) is None],
    }
    return [f"acknowledged and lost: {what} {sorted(wrong)[:5]}" for what, wrong in checks.items() if wrong]


#: Of each of these the log has exactly one row for each object: (what, query that finds those with more or fewer).
ONCE = {
    "creations": """SELECT users.id, count(audit_logs.id) FROM users LEFT JOIN audit_logs ON action = 'create'
        AND resource = 'user' AND resource_id = users.id::text GROUP BY 1 HAVING count(audit_logs.id) <> 1""",
    "creations of nobody": """SELECT resource_id, count(*) FROM audit_logs WHERE action = 'create' AND resource = 'user'
        AND NOT EXISTS (SELECT FROM users WHERE users.id::text = resource_id) GROUP BY 1""",
    "locks": """SELECT users.id, count(audit_logs.id) FROM users LEFT JOIN audit_logs ON action = 'lock'
        AND resource = 'user' AND resource_id = users.id::text GROUP BY 1, locked_at
        HAVING count(audit_logs.id) <> (locked_at IS NOT NULL)::int""",
    "sign-ins": """SELECT sessions.id, count(audit_logs.id) FROM sessions LEFT JOIN audit_logs ON action = 'login'
        AND session_id = sessions.id AND success GROUP BY 1 HAVING count(audit_logs.id) <> 1""",
    "sign-outs": """SELECT sessions.id, count(audit_logs.id) FROM sessions LEFT JOIN audit_logs ON action = 'logout'
        AND session_id = sessions.id GROUP BY 1, end_reason
        HAVING count(audit_logs.id) <> (end_reason = 'logout')::int""",
    "deletions": """SELECT users.id, count(audit_logs.id) FROM users LEFT JOIN audit_logs ON action = 'delete'
        AND resource = 'user' AND resource_id = users.id::text GROUP BY 1, deleted_at
        HAVING count(audit_logs.id) <> (deleted_at IS NOT NULL)::int""",
    "keys made": """SELECT user_id, count(*) FROM (SELECT user_id::text FROM api_keys EXCEPT ALL
        SELECT resource_id FROM audit_logs WHERE action = 'key_create') AS unrecorded GROUP BY 1""",
}


def _doubled(testbed, writes):
    """Changes without a row in the log, or with more than one."""
    found = []
    for what, query in ONCE.items():
        if wrong := testbed.database.rows(query):
            found.append(f"rows of the log about {what}: {wrong[:5]}")
    query = "SELECT resource_id::int, count(*) FROM audit_logs WHERE action = %s AND resource_id <> '' GROUP BY 1"
    for action in ("role_assign", "role_revoke"):
        counts = dict(testbed.database.rows(query, action))
        if wrong := [user for user in writes.given if counts.get(user) != 1]:
            found.append(f"rows of the log about {action}: {[(user, counts.get(user)) for user in wrong[:5]]}")
    query = "SELECT session_id, count(*) FROM audit_logs WHERE action = 'token_refresh' AND success GROUP BY 1"
    counts = {str(session): count for session, count in testbed.database.rows(query)}
    for session, acknowledged in writes.refreshed.items():
        # The last one may have been done although its answer got lost.
        if counts.get(session, 0) not in {acknowledged, acknowledged + 1}:
            found.append(f"{acknowledged} refreshes acknowledged, {counts.get(session, 0)} in the log")
    return found


def _mails(testbed, writes):
    """Invitations that didn't leave, or more than once."""
    received = dict(testbed.mail.received)
    missing = [address for address in writes.invited if address not in received]
    repeated = {address: count for address, count in received.items() if count > 1 and address in writes.invited}
    found = []
    if missing:
        waiting, error = testbed.database.rows("SELECT count(*), max(last_error) FROM outgoing_mails")[0]
        number = f"{len(missing)} of {len(writes.invited)}"
        found.append(f"invitations not sent: {number}, as {missing[:3]}; {waiting} wait. {error or ''}")
    if repeated:
        found.append(f"invitations sent more than once: {len(repeated)}")
    return found
