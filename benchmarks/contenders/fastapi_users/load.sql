INSERT INTO "user" (id, username, email, hashed_password, first_name, last_name, is_active, is_superuser, is_verified, created_at)
SELECT id, username, email, current_setting('benchmark.password_hash'), first_name, last_name, is_active, is_caller, true, created_at
FROM staged.people ORDER BY id;
-- It looks accounts up by this.
CREATE INDEX user_lower_email ON "user" (lower(email));
