INSERT INTO ab_role (id, name) SELECT 1000 + id, name FROM staged.roles;
INSERT INTO ab_user (id, username, email, password, first_name, last_name, active, created_on, changed_on)
SELECT id, username, email, current_setting('benchmark.password_hash'), first_name, last_name, is_active, created_at, created_at
FROM staged.people ORDER BY id;
INSERT INTO ab_user_role (id, user_id, role_id)
SELECT nextval('ab_user_role_id_seq'), user_id, 1000 + role_id FROM staged.people_roles;
INSERT INTO ab_user_role (id, user_id, role_id)
SELECT nextval('ab_user_role_id_seq'), id, (SELECT id FROM ab_role WHERE name = 'Admin') FROM staged.people WHERE is_caller;
-- It looks accounts up by this.
CREATE INDEX ab_user_lower_username ON ab_user (lower(username));
CREATE INDEX ab_user_role_role ON ab_user_role (role_id);
