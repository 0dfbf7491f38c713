INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt", role, banned)
OVERRIDING SYSTEM VALUE
SELECT id, first_name || ' ' || last_name, email, true, created_at, created_at,
    CASE WHEN is_caller THEN 'admin' ELSE 'user' END, NOT is_active
FROM staged.people ORDER BY id;
INSERT INTO account ("accountId", "providerId", "userId", password, "createdAt", "updatedAt")
SELECT id::text, 'credential', id, current_setting('benchmark.password_hash'), created_at, created_at FROM staged.people;
