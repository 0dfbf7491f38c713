INSERT INTO auth_group (id, name) SELECT id, name FROM staged.roles;
INSERT INTO auth_permission (id, name, codename, content_type_id)
SELECT 1000 + id, description, name, (SELECT id FROM django_content_type WHERE model = 'user') FROM staged.permissions;
INSERT INTO auth_group_permissions (group_id, permission_id) SELECT role_id, 1000 + permission_id FROM staged.role_permissions;
INSERT INTO auth_group_permissions (group_id, permission_id)
SELECT role_id, (SELECT id FROM auth_permission WHERE codename = 'view_user')
FROM staged.role_permissions WHERE permission_id = (SELECT id FROM staged.permissions WHERE name = 'user_read');
INSERT INTO auth_user (id, username, email, password, first_name, last_name, is_active, is_staff, is_superuser, date_joined)
SELECT id, username, email, current_setting('benchmark.password_hash'), first_name, last_name, is_active, false, false, created_at
FROM staged.people ORDER BY id;
INSERT INTO auth_user_groups (user_id, group_id) SELECT user_id, role_id FROM staged.people_roles;
CREATE UNIQUE INDEX auth_user_email ON auth_user (email);
