-- Makes the database `reprotech` and its two roles, by psql as a superuser. It may run again, also on an installation that
-- had one role: then the tables become the owner's.
--
--   reprotech_owner  owns the tables: migrations, backups, restores, and commands that archive or erase
--   reprotech_web    the server: reads and writes, and can't alter tables or switch off what protects the audit log
--
-- It takes the roles' passwords from the environment, REPROTECH_OWNER_PASSWORD and REPROTECH_WEB_PASSWORD. What
-- reprotech_web may do with each table, `manage.py migrate` grants where DATABASE_WEB_ROLE names it.

\set ON_ERROR_STOP on
\set owner_password `printf %s "$REPROTECH_OWNER_PASSWORD"`
\set web_password `printf %s "$REPROTECH_WEB_PASSWORD"`
SELECT '' IN (:'owner_password', :'web_password') AS incomplete \gset
\if :incomplete
DO $$ BEGIN RAISE EXCEPTION 'Set REPROTECH_OWNER_PASSWORD and REPROTECH_WEB_PASSWORD to a password each.'; END $$;
\endif

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['reprotech_owner', 'reprotech_web']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
-- CREATEDB: a backup is proven by restoring it into a database of its own.
ALTER ROLE reprotech_owner LOGIN NOSUPERUSER NOCREATEROLE CREATEDB PASSWORD :'owner_password';
ALTER ROLE reprotech_web LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD :'web_password';

SELECT 'CREATE DATABASE reprotech OWNER reprotech_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'reprotech') \gexec
ALTER DATABASE reprotech OWNER TO reprotech_owner;
REVOKE ALL ON DATABASE reprotech FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE reprotech TO reprotech_web;

\connect reprotech
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO reprotech_owner;
GRANT USAGE ON SCHEMA public TO reprotech_web;

-- What another role owned, but for parts of extensions; a table takes its indexes and sequences along.
SELECT format('ALTER %s %s OWNER TO reprotech_owner', kind, name)
FROM (
    SELECT 'TABLE', oid::regclass::text, 'pg_class'::regclass, oid, relowner FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT 'ROUTINE', oid::regprocedure::text, 'pg_proc'::regclass, oid, proowner FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
) AS object (kind, name, class, oid, owner)
WHERE owner <> 'reprotech_owner'::regrole AND NOT EXISTS (
    SELECT FROM pg_depend WHERE classid = class AND objid = object.oid AND deptype = 'e'
) \gexec
