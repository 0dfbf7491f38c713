"""A database for each comparison, with the same people in it, in the tables that its own program makes."""

from urllib.parse import urlsplit, urlunsplit

import psycopg

STAGED = """
CREATE SCHEMA staged;
CREATE TABLE staged.people (id bigint, username text, email text, first_name text, last_name text, is_active boolean,
    created_at timestamptz, is_caller boolean);
CREATE TABLE staged.roles (id bigint, name text, slug text, description text);
CREATE TABLE staged.permissions (id bigint, name text, description text, resource text, action text);
CREATE TABLE staged.role_permissions (role_id bigint, permission_id bigint);
CREATE TABLE staged.people_roles (user_id bigint, role_id bigint);
"""
TABLES = ("people", "roles", "permissions", "role_permissions", "people_roles")
#: Sequences go on after the ids that were loaded, whatever the program calls them.
GO_ON = """
DO $$ DECLARE found record; BEGIN
    FOR found IN
        SELECT c.oid::regclass AS place, a.attname AS name,
            pg_get_serial_sequence(c.oid::regclass::text, a.attname) AS sequence
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        IF found.sequence IS NOT NULL THEN
            EXECUTE format('SELECT setval(%L, coalesce(max(%I), 0) + 1, false) FROM %s',
                found.sequence, found.name, found.place);
        END IF;
    END LOOP;
END $$
"""


def make_database(server, name):
    """An empty one; returns its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def load(url, directory, statements, password_hash):
    """Put the people into the tables that are there, by the comparison's own statements."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(STAGED)
        for table in TABLES:
            with (
                (directory / f"{table}.csv").open("rb") as file,
                connection.cursor().copy(f"COPY staged.{table} FROM STDIN (FORMAT CSV)") as copy,
            ):
                while part := file.read(1 << 20):
                    copy.write(part)
        connection.execute("SELECT set_config('benchmark.password_hash', %s, false)", [password_hash])
        connection.execute(statements)
        connection.execute("DROP SCHEMA staged CASCADE")
        connection.execute(GO_ON)
        connection.execute("VACUUM ANALYZE")
