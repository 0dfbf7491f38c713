INSERT INTO permissions (id, name, description, resource, action) SELECT id, name, description, resource, action FROM staged.permissions;
INSERT INTO roles (id, name, description) SELECT id, name, description FROM staged.roles;
INSERT INTO role_permissions (role_id, permission_id) SELECT role_id, permission_id FROM staged.role_permissions;
INSERT INTO users (id, username, email, password_hash, first_name, last_name, is_active, created_at, updated_at)
SELECT id, username, email, current_setting('benchmark.password_hash'), first_name, last_name, is_active, created_at, created_at
FROM staged.people ORDER BY id;
INSERT INTO user_roles (user_id, role_id) SELECT user_id, role_id FROM staged.people_roles;
