
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE FUNCTION public.audit_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_setting('reprotech.audit_upkeep', true) = 'on' THEN
        IF TG_OP = 'TRUNCATE' THEN
            RETURN NULL;
        ELSIF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only. % of % is refused.', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION public.user_roles_count_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM (SELECT 'role ' || role_id AS name, -1 AS change FROM changed) AS changes GROUP BY name HAVING sum(change) <> 0
; RETURN NULL; END $$;

CREATE FUNCTION public.user_roles_count_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM (SELECT 'role ' || role_id AS name, 1 AS change FROM changed) AS changes GROUP BY name HAVING sum(change) <> 0
; RETURN NULL; END $$;

CREATE FUNCTION public.user_search_letters(text text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT COST 1000 PARALLEL RESTRICTED
    AS $$ BEGIN
        RETURN string_to_array(
            regexp_replace(text, '(..)', E'\\1\x01', 'g') || E'\x01' ||
            regexp_replace(substr(text, 2), '(..)', E'\\1\x01', 'g'), E'\x01'
        ) || string_to_array(text, NULL);
    END $$;

CREATE FUNCTION public.users_count_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM (
    SELECT 'existing' AS name, -1 AS change FROM changed WHERE deleted_at IS NULL
    UNION ALL SELECT 'active', -1 FROM changed WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
    UNION ALL SELECT 'inactive', -1 FROM changed WHERE deleted_at IS NULL AND NOT is_active
    UNION ALL SELECT 'locked', -1 FROM changed WHERE deleted_at IS NULL AND locked_at IS NOT NULL
    UNION ALL SELECT 'service', -1 FROM changed WHERE deleted_at IS NULL AND is_service
) AS changes GROUP BY name HAVING sum(change) <> 0
; RETURN NULL; END $$;

CREATE FUNCTION public.users_count_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM (
    SELECT 'existing' AS name, 1 AS change FROM changed WHERE deleted_at IS NULL
    UNION ALL SELECT 'active', 1 FROM changed WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
    UNION ALL SELECT 'inactive', 1 FROM changed WHERE deleted_at IS NULL AND NOT is_active
    UNION ALL SELECT 'locked', 1 FROM changed WHERE deleted_at IS NULL AND locked_at IS NOT NULL
    UNION ALL SELECT 'service', 1 FROM changed WHERE deleted_at IS NULL AND is_service
) AS changes GROUP BY name HAVING sum(change) <> 0
; RETURN NULL; END $$;

CREATE FUNCTION public.users_count_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_counts (name, change)
    SELECT name, sum(change) FROM (
    SELECT 'existing' AS name, -1 AS change FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL
    UNION ALL SELECT 'active', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
    UNION ALL SELECT 'inactive', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND NOT is_active
    UNION ALL SELECT 'locked', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND locked_at IS NOT NULL
    UNION ALL SELECT 'service', -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NULL AND is_service
 UNION ALL 
    SELECT 'existing' AS name, 1 AS change FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL
    UNION ALL SELECT 'active', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND is_active AND locked_at IS NULL
    UNION ALL SELECT 'inactive', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND NOT is_active
    UNION ALL SELECT 'locked', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND locked_at IS NOT NULL
    UNION ALL SELECT 'service', 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NULL AND is_service
) AS changes GROUP BY name HAVING sum(change) <> 0
; RETURN NULL; END $$;

CREATE FUNCTION public.users_day_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_days (day, created, deleted)
    SELECT day, sum(created), sum(deleted) FROM (
        SELECT (created_at AT TIME ZONE 'UTC')::date AS day, -1 AS created, 0 AS deleted FROM changed
        UNION ALL
        SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, -1 FROM changed WHERE deleted_at IS NOT NULL
    ) AS changes GROUP BY day;
 RETURN NULL; END $$;

CREATE FUNCTION public.users_day_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_days (day, created, deleted)
    SELECT day, sum(created), sum(deleted) FROM (
        SELECT (created_at AT TIME ZONE 'UTC')::date AS day, 1 AS created, 0 AS deleted FROM changed
        UNION ALL
        SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, 1 FROM changed WHERE deleted_at IS NOT NULL
    ) AS changes GROUP BY day;
 RETURN NULL; END $$;

CREATE FUNCTION public.users_day_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
    INSERT INTO user_days (day, created, deleted)
    SELECT day, sum(created), sum(deleted) FROM (
        SELECT (created_at AT TIME ZONE 'UTC')::date AS day, -1 AS created, 0 AS deleted FROM (SELECT OLD.*) AS image
        UNION ALL
        SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, -1 FROM (SELECT OLD.*) AS image WHERE deleted_at IS NOT NULL
    ) AS changes GROUP BY day;

    INSERT INTO user_days (day, created, deleted)
    SELECT day, sum(created), sum(deleted) FROM (
        SELECT (created_at AT TIME ZONE 'UTC')::date AS day, 1 AS created, 0 AS deleted FROM (SELECT NEW.*) AS image
        UNION ALL
        SELECT (deleted_at AT TIME ZONE 'UTC')::date, 0, 1 FROM (SELECT NEW.*) AS image WHERE deleted_at IS NOT NULL
    ) AS changes GROUP BY day;
 RETURN NULL; END $$;

CREATE FUNCTION public.users_place_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
            IF (SELECT count(*) FROM touched) > 1000 THEN
                PERFORM pg_advisory_xact_lock(1366192215);
                DELETE FROM user_signposts;
                DELETE FROM user_moves;
            ELSE
                INSERT INTO user_moves (sort, change, user_id, key) SELECT 'id', -1, image.id, image.id::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'username', -1, image.id, lower(image.username)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'email', -1, image.id, lower(image.email)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'first_name', -1, image.id, lower(image.first_name)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_name', -1, image.id, lower(image.last_name)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'is_active', -1, image.id, image.is_active::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_login', -1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'created_at', -1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'updated_at', -1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
            END IF; RETURN NULL; END $$;

CREATE FUNCTION public.users_place_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN 
            IF (SELECT count(*) FROM touched) > 1000 THEN
                PERFORM pg_advisory_xact_lock(1366192215);
                DELETE FROM user_signposts;
                DELETE FROM user_moves;
            ELSE
                INSERT INTO user_moves (sort, change, user_id, key) SELECT 'id', 1, image.id, image.id::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'username', 1, image.id, lower(image.username)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'email', 1, image.id, lower(image.email)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'first_name', 1, image.id, lower(image.first_name)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_name', 1, image.id, lower(image.last_name)::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'is_active', 1, image.id, image.is_active::text FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_login', 1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'created_at', 1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'updated_at', 1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM touched AS image WHERE image.deleted_at IS NULL;
            END IF; RETURN NULL; END $$;

CREATE FUNCTION public.users_place_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF (OLD.id IS DISTINCT FROM NEW.id OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'id', -1, image.id, image.id::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'id', 1, image.id, image.id::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (lower(OLD.username) IS DISTINCT FROM lower(NEW.username) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'username', -1, image.id, lower(image.username)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'username', 1, image.id, lower(image.username)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (lower(OLD.email) IS DISTINCT FROM lower(NEW.email) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'email', -1, image.id, lower(image.email)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'email', 1, image.id, lower(image.email)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (lower(OLD.first_name) IS DISTINCT FROM lower(NEW.first_name) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'first_name', -1, image.id, lower(image.first_name)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'first_name', 1, image.id, lower(image.first_name)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (lower(OLD.last_name) IS DISTINCT FROM lower(NEW.last_name) OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_name', -1, image.id, lower(image.last_name)::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_name', 1, image.id, lower(image.last_name)::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (OLD.is_active IS DISTINCT FROM NEW.is_active OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'is_active', -1, image.id, image.is_active::text FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'is_active', 1, image.id, image.is_active::text FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (OLD.last_login IS DISTINCT FROM NEW.last_login OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_login', -1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'last_login', 1, image.id, to_char(image.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (OLD.created_at IS DISTINCT FROM NEW.created_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'created_at', -1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'created_at', 1, image.id, to_char(image.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; IF (OLD.updated_at IS DISTINCT FROM NEW.updated_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) THEN INSERT INTO user_moves (sort, change, user_id, key) SELECT 'updated_at', -1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT OLD.*) AS image WHERE image.deleted_at IS NULL; INSERT INTO user_moves (sort, change, user_id, key) SELECT 'updated_at', 1, image.id, to_char(image.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') FROM (SELECT NEW.*) AS image WHERE image.deleted_at IS NULL; END IF; RETURN NULL; END $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    name character varying(80) NOT NULL,
    prefix character varying(12) NOT NULL,
    secret_hash character varying(64) NOT NULL,
    scopes jsonb NOT NULL,
    addresses jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    last_used_from inet,
    revoked_at timestamp with time zone,
    user_id bigint NOT NULL
);

CREATE TABLE public.audit_anchors (
    channel character varying(8) NOT NULL,
    size bigint NOT NULL,
    sent_at timestamp with time zone,
    busy_until timestamp with time zone
);

CREATE TABLE public.audit_blocks (
    block bigint NOT NULL,
    events bigint NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone
);

CREATE TABLE public.audit_checkpoints (
    size bigint NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    note text NOT NULL
);

CREATE TABLE public.audit_daily_counts (
    id bigint NOT NULL,
    day date NOT NULL,
    action character varying(32) NOT NULL,
    success boolean NOT NULL,
    events bigint NOT NULL
);

ALTER TABLE public.audit_daily_counts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.audit_daily_counts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_keys (
    id bigint NOT NULL,
    name character varying(200) NOT NULL,
    public_key bytea NOT NULL,
    statement text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE public.audit_keys ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.audit_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_leaves (
    "position" bigint NOT NULL,
    event_id bigint NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE public.audit_logs (
    id bigint NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    user_id bigint,
    username character varying(254) NOT NULL,
    action character varying(32) NOT NULL,
    resource character varying(32) NOT NULL,
    resource_id character varying(64) NOT NULL,
    resource_name character varying(254) NOT NULL,
    success boolean NOT NULL,
    ip_address inet,
    user_agent character varying(512) NOT NULL,
    request_id character varying(64) NOT NULL,
    session_id uuid,
    details jsonb NOT NULL,
    version smallint NOT NULL,
    actor_opening bytea NOT NULL,
    subject_opening bytea NOT NULL,
    authentication bytea NOT NULL,
    transaction_id bigint DEFAULT ((pg_current_xact_id())::text)::bigint,
    CONSTRAINT audit_logs_version_check CHECK ((version >= 0))
);

ALTER TABLE public.audit_logs ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.audit_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_nodes (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_nodes_level_check CHECK ((level >= 0))
);

CREATE TABLE public.audit_saved_filters (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    name character varying(50) NOT NULL,
    query character varying(2000) NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE public.audit_saved_filters ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.audit_saved_filters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_verification_runs (
    id bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    since bigint NOT NULL,
    size bigint NOT NULL,
    until timestamp with time zone,
    findings jsonb NOT NULL,
    warnings jsonb NOT NULL
);

ALTER TABLE public.audit_verification_runs ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.audit_verification_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_group (
    id integer NOT NULL,
    name character varying(150) NOT NULL
);

ALTER TABLE public.auth_group ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_group_permissions (
    id bigint NOT NULL,
    group_id integer NOT NULL,
    permission_id integer NOT NULL
);

ALTER TABLE public.auth_group_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_permission (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    content_type_id integer NOT NULL,
    codename character varying(100) NOT NULL
);

ALTER TABLE public.auth_permission ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_permission_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_admin_log (
    id integer NOT NULL,
    action_time timestamp with time zone NOT NULL,
    object_id text,
    object_repr character varying(200) NOT NULL,
    action_flag smallint NOT NULL,
    change_message text NOT NULL,
    content_type_id integer,
    user_id bigint NOT NULL,
    CONSTRAINT django_admin_log_action_flag_check CHECK ((action_flag >= 0))
);

ALTER TABLE public.django_admin_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_admin_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_content_type (
    id integer NOT NULL,
    app_label character varying(100) NOT NULL,
    model character varying(100) NOT NULL
);

ALTER TABLE public.django_content_type ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_content_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);

ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_session (
    session_key character varying(40) NOT NULL,
    session_data text NOT NULL,
    expire_date timestamp with time zone NOT NULL
);

CREATE TABLE public.email_changes (
    id bigint NOT NULL,
    address character varying(254) NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    user_id bigint NOT NULL
);

ALTER TABLE public.email_changes ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.email_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.outgoing_mails (
    id bigint NOT NULL,
    address character varying(254) NOT NULL,
    letter character varying(40) NOT NULL,
    context jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer NOT NULL,
    last_error character varying(200) NOT NULL,
    failed_at timestamp with time zone,
    user_id bigint NOT NULL,
    CONSTRAINT outgoing_mails_attempts_check CHECK ((attempts >= 0))
);

ALTER TABLE public.outgoing_mails ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.outgoing_mails_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.passkeys (
    id bigint NOT NULL,
    name character varying(60) NOT NULL,
    credential_id character varying(1400) NOT NULL,
    credential bytea NOT NULL,
    sign_count bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    user_id bigint NOT NULL
);

ALTER TABLE public.passkeys ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.passkeys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.password_history (
    id bigint NOT NULL,
    password_hash character varying(128) NOT NULL,
    replaced_at timestamp with time zone NOT NULL,
    user_id bigint NOT NULL
);

ALTER TABLE public.password_history ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.password_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.permissions (
    id bigint NOT NULL,
    name character varying(64) NOT NULL,
    description character varying(200) NOT NULL,
    resource character varying(32) NOT NULL,
    action character varying(32) NOT NULL,
    "position" smallint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT permissions_position_check CHECK (("position" >= 0))
);

ALTER TABLE public.permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.recovery_codes (
    id bigint NOT NULL,
    code_hash character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    user_id bigint NOT NULL
);

ALTER TABLE public.recovery_codes ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.recovery_codes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reset_requests (
    id bigint NOT NULL,
    typed character varying(254) NOT NULL,
    ip_address inet,
    user_agent character varying(512) NOT NULL,
    request_id character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE public.reset_requests ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.reset_requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.role_permissions (
    id bigint NOT NULL,
    role_id bigint NOT NULL,
    permission_id bigint NOT NULL
);

ALTER TABLE public.role_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.role_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.roles (
    id bigint NOT NULL,
    name character varying(80) NOT NULL,
    slug character varying(80) NOT NULL,
    description character varying(200) NOT NULL,
    is_system boolean NOT NULL,
    is_customized boolean NOT NULL,
    "position" smallint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    requires_factor boolean DEFAULT false NOT NULL,
    CONSTRAINT roles_position_check CHECK (("position" >= 0))
);

ALTER TABLE public.roles ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.roles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.sessions (
    id uuid NOT NULL,
    kind character varying(8) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ip_address inet,
    user_agent character varying(512) NOT NULL,
    ended_at timestamp with time zone,
    end_reason character varying(32) NOT NULL,
    refresh_hash character varying(64) NOT NULL,
    spent_refresh_hashes jsonb NOT NULL,
    user_id bigint NOT NULL,
    confirmed_at timestamp with time zone,
    ends_at timestamp with time zone,
    generation integer DEFAULT 0 NOT NULL,
    is_remembered boolean DEFAULT false NOT NULL,
    rotated_at timestamp with time zone,
    was_announced boolean DEFAULT false NOT NULL,
    CONSTRAINT sessions_generation_check CHECK ((generation >= 0))
);

CREATE TABLE public.spent_once (
    name character varying(80) NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.totp_keys (
    id bigint NOT NULL,
    sealed_key text NOT NULL,
    last_step bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    user_id bigint NOT NULL
);

ALTER TABLE public.totp_keys ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.totp_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.user_counts (
    id bigint NOT NULL,
    name character varying(40) NOT NULL,
    change bigint NOT NULL
);

ALTER TABLE public.user_counts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.user_counts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.user_days (
    id bigint NOT NULL,
    day date NOT NULL,
    created bigint NOT NULL,
    deleted bigint NOT NULL
);

ALTER TABLE public.user_days ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.user_days_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.user_moves (
    id bigint NOT NULL,
    sort character varying(20) NOT NULL,
    change smallint NOT NULL,
    user_id bigint NOT NULL,
    key text
);

ALTER TABLE public.user_moves ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.user_moves_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.user_roles (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    role_id bigint NOT NULL
);

ALTER TABLE public.user_roles ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.user_roles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.user_signposts (
    id bigint NOT NULL,
    sort character varying(20) NOT NULL,
    "position" bigint NOT NULL,
    user_id bigint NOT NULL,
    key text
);

ALTER TABLE public.user_signposts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.user_signposts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.users (
    id bigint NOT NULL,
    last_login timestamp with time zone,
    username character varying(80) NOT NULL,
    email character varying(254) NOT NULL,
    password_hash character varying(128) NOT NULL,
    first_name character varying(50) NOT NULL,
    last_name character varying(50) NOT NULL,
    is_active boolean NOT NULL,
    locked_at timestamp with time zone,
    deleted_at timestamp with time zone,
    must_change_password boolean NOT NULL,
    password_changed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    search_text text NOT NULL,
    factor_grace_used smallint DEFAULT 0 NOT NULL,
    factor_kinds character varying(40) DEFAULT ''::character varying NOT NULL,
    must_add_factor boolean DEFAULT false NOT NULL,
    is_service boolean NOT NULL,
    link_number integer DEFAULT 0 NOT NULL,
    unlocked_at timestamp with time zone,
    CONSTRAINT users_factor_grace_used_check CHECK ((factor_grace_used >= 0)),
    CONSTRAINT users_link_number_check CHECK ((link_number >= 0))
);

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

INSERT INTO public.api_keys VALUES
	('28178e7f-eeb9-487d-8cae-fb13e8aa0f6b', 'Reader', '9014f5ac398f', 'bfcddb2e2f73cb1e65b8bc5bf2cd023965810e4479102f23b79eeef8f9985e98', '["animal_read"]', '[]', '2026-11-30 07:57:26.042137+00', '2027-11-30 07:57:26.041938+00', NULL, NULL, NULL, 3);

INSERT INTO public.audit_blocks VALUES
	(0, 12, '2026-11-30 07:57:22.322484+00', '2026-11-30 07:57:24.397139+00');

INSERT INTO public.audit_checkpoints VALUES
	(8, '2026-11-30 07:57:23.469289+00', '127.0.0.1:5001/audit
8
H8tRKzWhW77w33IsW7k7sx2TH2vBd77olQjp9vDzhR4=
time 2026-11-30T07:57:23.469289Z

— 127.0.0.1:5001/audit bvcOqWpXpACCAPHmHFKtni2/7u2aC4tDyvw11IxB7dMrHk1re1Mbph9ZgvBY8gkYTIv0i4RZM21rk2F0X90EycPOvgQ=
'),
	(12, '2026-11-30 07:57:24.457729+00', '127.0.0.1:5001/audit
12
AXdIUe8aAEOcIIDDB1dzl6N+ffDo2dA4ydI3stcIMb0=
time 2026-11-30T07:57:24.457729Z
previous E12co9f9U1Riz/MS5z6eM5m+l53G3XTtoblly1wMXqw=

— 127.0.0.1:5001/audit bvcOqTcJlGOFq+c6gaYMvFIpgUZEsh/CrT2uYPTTOSx0bJ4WEt7kQOWbwa1HwWA93a0c4XUvKmCkUOTi6lPqKwOFDws=
');

INSERT INTO public.audit_daily_counts VALUES
	(1, '2026-11-30', 'update', true, 7),
	(2, '2026-11-30', 'create', true, 3),
	(3, '2026-11-30', 'lock', true, 1),
	(4, '2026-11-30', 'role_assign', true, 1);

INSERT INTO public.audit_keys VALUES
	(1, '127.0.0.1:5001/audit', '\x0dd1c3dbc8d5553338f0217e96186942cd3f67c6f31c8fb4ee4a46cb34e20def', '127.0.0.1:5001/audit
signing key
127.0.0.1:5001/audit+6ef70ea9+AQ3Rw9vI1VUzOPAhfpYYaULNP2fG8xyPtO5KRss04g3v
time 2026-11-30T07:57:23.457394Z

— 127.0.0.1:5001/audit bvcOqSEcM3lC72+hfp8peiKO+FKObs6WvP57Ke5wHCqcHihSaW3+IzNUdmmxgpU3g+hQPlv5kFYhZMtmo4iXwdQxjgQ=
', '2026-11-30 07:57:23.457394+00');

INSERT INTO public.audit_leaves VALUES
	(0, 1, '\x6663c3720f32932006520620c8585ccad31fc9a1fb785c1057247aefb96b7b6c'),
	(1, 2, '\x04825c33677d90e521b9f77ef1e62ba129405a41f925e1e50578412ac00607b2'),
	(2, 3, '\x4378eeac78527c0bf200d96035cdb2bd772ad31e7c2c55a6fcaede4e2d3ba284'),
	(3, 4, '\xb56ea64fccca7657ba3ab8668155e8491b49620b5b66fad8753ebb4f1571c862'),
	(4, 5, '\x8991617306b28fa5f20c2c4eb69039e4c3a6d3673b91861448705e312c515df9'),
	(5, 6, '\xa181c102d41d696d5e557a7a0a00cf3f4d59fd439f13fb24645d1f6adb24702b'),
	(6, 7, '\xed7b73a040cde64dc6e9acd5d290dd835e4501d7459a7affc09f7e636af3125b'),
	(7, 8, '\xcc5942f16dd8598d5fdef6a379419165833355ba451d678ae2bdd05aec6ec762'),
	(8, 9, '\x054a5700ce126f3337b665b66de9e382c5a1d29400e28e712a9d6aa2f686a712'),
	(9, 10, '\xd59175461f289d0b9365a872a3bb2069b44348cd44d0c9f159f3257939d22ee2'),
	(10, 11, '\xe8aa4088a06453a768d092435dd3694346b82d9cc49fad34385c0e7446463fc0'),
	(11, 12, '\xfd5f810e5067c2e7243e5d1275d5e4fc16f7d6a4bb6cbdc1e12d0c692782b082');

INSERT INTO public.audit_logs VALUES
	(1, '2026-11-30 07:57:22.322484+00', NULL, 'system', 'update', 'role', '1', 'Super Administrator', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"permissions": [[], ["user_create", "user_read", "user_update", "user_delete", "role_create", "role_read", "role_update", "role_delete", "audit_read", "audit_export", "analytics_read", "settings_read", "settings_update", "session_revoke", "animal_create", "animal_read", "animal_update", "animal_delete", "sample_create", "sample_read", "sample_update", "sample_delete", "lab_test_create", "lab_test_read", "lab_test_update", "lab_test_approve", "procedure_create", "procedure_read", "procedure_update", "customer_create", "customer_read", "customer_update", "customer_delete", "inventory_read", "inventory_update", "report_create", "report_read", "report_export", "genomics_read"]]}}', 1, '\x8a1233a6c6ecba7552efdf9e9cefc2b5', '\xed3de9846da25eb98978f198f1a4eaac', '\x168a935f969400bb1522504a67a9873c756029df7529d57f54ed322886a472e1', 1310),
	(2, '2026-11-30 07:57:22.370129+00', NULL, 'system', 'update', 'role', '2', 'Administrator', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"permissions": [[], ["user_create", "user_read", "user_update", "user_delete", "role_create", "role_read", "role_update", "audit_read", "audit_export", "analytics_read", "settings_read", "session_revoke", "animal_create", "animal_read", "animal_update", "animal_delete", "sample_create", "sample_read", "sample_update", "sample_delete", "lab_test_create", "lab_test_read", "lab_test_update", "lab_test_approve", "procedure_create", "procedure_read", "procedure_update", "customer_create", "customer_read", "customer_update", "customer_delete", "inventory_read", "inventory_update", "report_create", "report_read", "report_export", "genomics_read"]]}}', 1, '\xc08103ede939930ce83eb6329a2c19c7', '\x96ec4b966b77c20124b2c03682ffe0fa', '\xc943664e201be28f5aa8bfe3275adf050d0c8fc2906b57ef3fb02cc9e772dc3f', 1310),
	(3, '2026-11-30 07:57:22.410097+00', NULL, 'system', 'update', 'role', '3', 'Manager', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"permissions": [[], ["user_read", "role_read", "audit_read", "audit_export", "analytics_read", "settings_read", "animal_read", "sample_read", "lab_test_read", "lab_test_approve", "procedure_read", "customer_create", "customer_read", "customer_update", "customer_delete", "inventory_read", "inventory_update", "report_create", "report_read", "report_export", "genomics_read"]]}}', 1, '\x99e2b16007a4febaa4eed13d251d3b46', '\xb24a37da51da6e062db2a706f2e9e654', '\xd4c8fccc988820358f7d74f3031837a84e8ddd83e670cb55163357304d14e974', 1310),
	(4, '2026-11-30 07:57:22.445907+00', NULL, 'system', 'update', 'role', '4', 'Researcher', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"permissions": [[], ["animal_read", "sample_create", "sample_read", "sample_update", "lab_test_create", "lab_test_read", "lab_test_update", "procedure_read", "inventory_read", "report_create", "report_read", "report_export", "genomics_read"]]}}', 1, '\xd9c47fdfac3aedea5cdaa2e655be523e', '\xc83fc1de01b47e1860165b67bb26f6a0', '\xd95e2463285de2e256de1446fb21e17bdd484b5cd8527193f640e38e44fa57a8', 1310),
	(5, '2026-11-30 07:57:22.503537+00', NULL, 'system', 'update', 'role', '5', 'Veterinarian', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"permissions": [[], ["animal_create", "animal_read", "animal_update", "animal_delete", "sample_read", "lab_test_create", "lab_test_read", "procedure_create", "procedure_read", "procedure_update", "customer_read", "inventory_read", "report_create", "report_read"]]}}', 1, '\xaf15e4e5ca6bd30e64028cef222e7953', '\xb768e81b7fccd7cb43c68c0f81e4d9dd', '\x7db46f27f13ef18d515b28614896bd1591455de0215390e975285dc62265e8c7', 1310),
	(6, '2026-11-30 07:57:22.536456+00', NULL, 'system', 'update', 'role', '6', 'Laboratory Technician', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"permissions": [[], ["animal_read", "sample_create", "sample_read", "sample_update", "lab_test_create", "lab_test_read", "lab_test_update", "procedure_read", "inventory_read", "inventory_update", "report_read"]]}}', 1, '\x172dde218add71634e9020ba845ed0ae', '\xb1e59d654dcaee93e69d3978078b0ef9', '\x95c4e31dd7c5f011789ada4ded534a2e7bb85273eb333fd37e1fc4f1312a7046', 1310),
	(7, '2026-11-30 07:57:22.571836+00', NULL, 'system', 'update', 'role', '7', 'Viewer', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"permissions": [[], ["animal_read", "sample_read", "lab_test_read", "procedure_read", "customer_read", "inventory_read", "report_read", "genomics_read"]]}}', 1, '\x224374e8791af466f1a63615157ca904', '\x52fa98d1148478fc3142978ca64b6f9a', '\xd107063ab85672d60e1ee872aac31e5543a3d510daa2226ae5ef84e79d475aa2', 1310),
	(8, '2026-11-30 07:57:23.35329+00', NULL, 'system', 'create', 'user', '1', 'admin', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"email": [null, "admin@reprotech.com"], "roles": [[], ["Super Administrator"]], "username": [null, "admin"], "is_active": [null, true], "last_name": [null, "Administrator"], "first_name": [null, "System"]}}', 1, '\x8b69cc43d591d9216950fcef44680aad', '\x7c50a389a7c5774c07bf448cdb1955d3', '\xb334e3f811010004b03e88ebb6f98a7032edfed9ce22c5be698815cb023e2786', 1310),
	(9, '2026-11-30 07:57:24.229917+00', NULL, 'system', 'create', 'user', '2', 'mira', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"email": [null, "mira@lab.example"], "roles": [[], ["Viewer"]], "username": [null, "mira"], "is_active": [null, true], "last_name": [null, ""], "first_name": [null, "Míra"]}}', 1, '\x54ae7c96c8322266e8fe64925f37f9fa', '\x83290a179c96b55ded371113064c481a', '\x1c9de50d7cc5863da935c01e00546f83c225e7fc2e827403c7afd29cc7e50cf8', 1406),
	(10, '2026-11-30 07:57:24.2647+00', NULL, 'system', 'create', 'user', '3', 'robot', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"email": [null, "robot@lab.example"], "roles": [[], []], "username": [null, "robot"], "is_active": [null, true], "last_name": [null, ""], "first_name": [null, ""], "is_service": [null, true]}}', 1, '\x62cea297196664e4aa5b605347545d3b', '\xd4e44409836fd85338900f39ed36a716', '\xa0376eeb3755a2b9f9dc5632afff6dcb4d9f34f941a178e91f58864d993b8044', 1408),
	(11, '2026-11-30 07:57:24.324862+00', NULL, 'system', 'lock', 'user', '2', 'mira', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"locked": [false, true]}}', 1, '\xa09800500effa7cf416aa58e257a83b1', '\xfc1b4c41aa90a8b916d0aa6a6299f731', '\x3dfcab4e3bdbc74ed83c00add3a6a510bacdfcfec3998b60661a5dd8e9982c1a', 1410),
	(12, '2026-11-30 07:57:24.397139+00', NULL, 'system', 'role_assign', 'user', '3', 'robot', true, NULL, 'manage.py shell (root)', '', NULL, '{"roles": ["Laboratory Technician"], "changes": {"roles": [[], ["Laboratory Technician"]]}}', 1, '\x6cc83f15389c4520fdf00ef670488335', '\x1130b7cdc1afbf0e1e39976f00e79d2f', '\x8a6559cb8e99b9bdb058c171e7e4e226a614d64809822cd19da10380b5195dbc', 1412),
	(13, '2026-11-30 07:57:24.525954+00', NULL, 'system', 'unlock', 'user', '2', 'mira', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"locked": [true, false]}}', 1, '\xc8070e7cf52f15c2d299a4a5104eb17a', '\xffcc680f4c103dc66710f237839b1c6d', '\x286d5eb3aeb7685561678f55882f3f24bf7b5f934b4c34d3cc88898fa867897a', 1415),
	(14, '2026-11-30 07:57:25.918849+00', NULL, 'system', 'create', 'user', '4', 'zoe', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"email": [null, "zoe@bücher.example"], "roles": [[], []], "username": [null, "zoe"], "is_active": [null, true], "last_name": [null, "Long"], "first_name": [null, "Zoë"]}}', 1, '\x99e92cf27b6124ae9c838701762f541d', '\x1f75ae089b8f2b3ff87abd35c31e3b6e', '\x2d515d11824fa88359557f0363796224df08eeae09f3ef67a2a57f90f2aa0e0f', 1418),
	(15, '2026-11-30 07:57:25.981586+00', 1, 'admin', 'update', 'user', '4', 'zoe.long', true, NULL, 'manage.py shell (root)', '', NULL, '{"changes": {"username": ["zoe", "zoe.long"]}}', 1, '\xd59cd1716f8a7bb4a55bb0a4dab0dec1', '\xbdbc2619f88ff584683fa53a068c0bb7', '\xfbb3119a6a439fa273a2ed6b75b4ac5fcaa23b3c4835c8a99e72672f1e553a8d', 1420),
	(16, '2026-11-30 07:57:26.067191+00', 1, 'admin', 'key_create', 'user', '3', 'robot', true, NULL, 'manage.py shell (root)', '', NULL, '{"key": "rpt_9014f5ac398f", "scopes": ["animal_read"], "addresses": 0, "expires_at": "2027-11-30T07:57:26.041Z"}', 1, '\x55903ad95ad3499e1d176480dd3d099c', '\x68bfdd57e3083673e576f3c6c30adbb8', '\xb0aff1a61e7e90f8cef1c4771696ff8d185d18bc8cd92caddc5429320a5da703', 1422);

INSERT INTO public.auth_permission VALUES
	(1, 'Can add log entry', 1, 'add_logentry'),
	(2, 'Can change log entry', 1, 'change_logentry'),
	(3, 'Can delete log entry', 1, 'delete_logentry'),
	(4, 'Can view log entry', 1, 'view_logentry'),
	(5, 'Can add permission', 2, 'add_permission'),
	(6, 'Can change permission', 2, 'change_permission'),
	(7, 'Can delete permission', 2, 'delete_permission'),
	(8, 'Can view permission', 2, 'view_permission'),
	(9, 'Can add group', 3, 'add_group'),
	(10, 'Can change group', 3, 'change_group'),
	(11, 'Can delete group', 3, 'delete_group'),
	(12, 'Can view group', 3, 'view_group'),
	(13, 'Can add content type', 4, 'add_contenttype'),
	(14, 'Can change content type', 4, 'change_contenttype'),
	(15, 'Can delete content type', 4, 'delete_contenttype'),
	(16, 'Can view content type', 4, 'view_contenttype'),
	(17, 'Can add session', 5, 'add_session'),
	(18, 'Can change session', 5, 'change_session'),
	(19, 'Can delete session', 5, 'delete_session'),
	(20, 'Can view session', 5, 'view_session');

INSERT INTO public.django_content_type VALUES
	(1, 'admin', 'logentry'),
	(2, 'auth', 'permission'),
	(3, 'auth', 'group'),
	(4, 'contenttypes', 'contenttype'),
	(5, 'sessions', 'session'),
	(6, 'audit', 'auditlog'),
	(7, 'audit', 'leaf'),
	(8, 'audit', 'node'),
	(9, 'audit', 'signingkey'),
	(10, 'audit', 'checkpoint'),
	(11, 'audit', 'anchor'),
	(12, 'audit', 'savedfilter'),
	(13, 'audit', 'verificationrun'),
	(14, 'audit', 'block'),
	(15, 'audit', 'dailycount'),
	(16, 'accounts', 'user'),
	(17, 'accounts', 'permission'),
	(18, 'accounts', 'passwordhistory'),
	(19, 'accounts', 'role'),
	(20, 'accounts', 'session'),
	(21, 'accounts', 'outgoingmail'),
	(22, 'accounts', 'passkey'),
	(23, 'accounts', 'spentonce'),
	(24, 'accounts', 'totpkey'),
	(25, 'accounts', 'recoverycode'),
	(26, 'accounts', 'apikey'),
	(27, 'accounts', 'usercount'),
	(28, 'accounts', 'usermove'),
	(29, 'accounts', 'usersignpost'),
	(30, 'accounts', 'resetrequest'),
	(31, 'accounts', 'emailchange'),
	(32, 'accounts', 'userday');

INSERT INTO public.django_migrations VALUES
	(1, 'accounts', '0001_initial', '2026-11-30 07:57:18.704021+00'),
	(2, 'accounts', '0002_postgresql_indexes', '2026-11-30 07:57:18.754279+00'),
	(3, 'accounts', '0003_permission_created_at', '2026-11-30 07:57:18.772855+00'),
	(4, 'accounts', '0004_index_of_inactive', '2026-11-30 07:57:18.804899+00'),
	(5, 'accounts', '0005_outbox', '2026-11-30 07:57:18.843376+00'),
	(6, 'accounts', '0006_second_factor', '2026-11-30 07:57:19.01322+00'),
	(7, 'accounts', '0007_api_keys', '2026-11-30 07:57:19.119353+00'),
	(8, 'accounts', '0008_user_counts', '2026-11-30 07:57:19.157461+00'),
	(9, 'accounts', '0009_user_places', '2026-11-30 07:57:19.212388+00'),
	(10, 'accounts', '0010_password_requests', '2026-11-30 07:57:19.296859+00'),
	(11, 'accounts', '0011_known_devices', '2026-11-30 07:57:19.372882+00'),
	(12, 'accounts', '0012_session_limits', '2026-11-30 07:57:19.584813+00'),
	(13, 'accounts', '0013_user_days', '2026-11-30 07:57:19.644911+00'),
	(14, 'accounts', '0014_indexes_of_many', '2026-11-30 07:57:19.831239+00'),
	(15, 'accounts', '0015_keys_of_moments', '2026-11-30 07:57:19.881474+00'),
	(16, 'accounts', '0016_short_searches', '2026-11-30 07:57:19.918097+00'),
	(17, 'accounts', '0017_short_waiting_lists', '2026-11-30 07:57:19.961181+00'),
	(18, 'contenttypes', '0001_initial', '2026-11-30 07:57:19.977215+00'),
	(19, 'admin', '0001_initial', '2026-11-30 07:57:20.049883+00'),
	(20, 'admin', '0002_logentry_remove_auto_add', '2026-11-30 07:57:20.438921+00'),
	(21, 'admin', '0003_logentry_add_action_flag_choices', '2026-11-30 07:57:20.478859+00'),
	(22, 'audit', '0001_initial', '2026-11-30 07:57:20.515785+00'),
	(23, 'audit', '0002_request_session_and_resource_indexes', '2026-11-30 07:57:20.528343+00'),
	(24, 'audit', '0003_seal', '2026-11-30 07:57:20.77518+00'),
	(25, 'audit', '0004_keys_anchors_and_upkeep', '2026-11-30 07:57:20.792672+00'),
	(26, 'audit', '0005_search_and_saved_filters', '2026-11-30 07:57:20.868238+00'),
	(27, 'audit', '0006_verificationrun', '2026-11-30 07:57:20.878368+00'),
	(28, 'audit', '0007_key_and_factor_actions', '2026-11-30 07:57:20.894503+00'),
	(29, 'audit', '0008_blocks', '2026-11-30 07:57:20.926822+00'),
	(30, 'audit', '0009_daily_counts', '2026-11-30 07:57:21.041873+00'),
	(31, 'audit', '0010_block_times', '2026-11-30 07:57:21.12091+00'),
	(32, 'audit', '0011_kinds', '2026-11-30 07:57:21.18212+00'),
	(33, 'audit', '0012_short_waiting_list', '2026-11-30 07:57:21.243076+00'),
	(34, 'contenttypes', '0002_remove_content_type_name', '2026-11-30 07:57:21.341018+00'),
	(35, 'auth', '0001_initial', '2026-11-30 07:57:21.504572+00'),
	(36, 'auth', '0002_alter_permission_name_max_length', '2026-11-30 07:57:21.538039+00'),
	(37, 'auth', '0003_alter_user_email_max_length', '2026-11-30 07:57:21.547903+00'),
	(38, 'auth', '0004_alter_user_username_opts', '2026-11-30 07:57:21.580409+00'),
	(39, 'auth', '0005_alter_user_last_login_null', '2026-11-30 07:57:21.605104+00'),
	(40, 'auth', '0006_require_contenttypes_0002', '2026-11-30 07:57:21.608977+00'),
	(41, 'auth', '0007_alter_validators_add_error_messages', '2026-11-30 07:57:21.61537+00'),
	(42, 'auth', '0008_alter_user_username_max_length', '2026-11-30 07:57:21.642766+00'),
	(43, 'auth', '0009_alter_user_last_name_max_length', '2026-11-30 07:57:21.660503+00'),
	(44, 'auth', '0010_alter_group_name_max_length', '2026-11-30 07:57:21.712112+00'),
	(45, 'auth', '0011_update_proxy_permissions', '2026-11-30 07:57:21.767251+00'),
	(46, 'auth', '0012_alter_user_first_name_max_length', '2026-11-30 07:57:21.776384+00'),
	(47, 'sessions', '0001_initial', '2026-11-30 07:57:21.797701+00');

INSERT INTO public.permissions VALUES
	(1, 'user_create', 'Create users', 'user', 'create', 0, '2026-11-30 07:57:21.975932+00'),
	(2, 'user_read', 'Read users', 'user', 'read', 1, '2026-11-30 07:57:21.983223+00'),
	(3, 'user_update', 'Update users', 'user', 'update', 2, '2026-11-30 07:57:21.990118+00'),
	(4, 'user_delete', 'Delete users', 'user', 'delete', 3, '2026-11-30 07:57:22.001074+00'),
	(5, 'role_create', 'Create roles', 'role', 'create', 4, '2026-11-30 07:57:22.007425+00'),
	(6, 'role_read', 'Read roles', 'role', 'read', 5, '2026-11-30 07:57:22.014264+00'),
	(7, 'role_update', 'Update roles', 'role', 'update', 6, '2026-11-30 07:57:22.01656+00'),
	(8, 'role_delete', 'Delete roles', 'role', 'delete', 7, '2026-11-30 07:57:22.022243+00'),
	(9, 'audit_read', 'Read the audit log', 'audit', 'read', 8, '2026-11-30 07:57:22.025368+00'),
	(10, 'audit_export', 'Export the audit log', 'audit', 'export', 9, '2026-11-30 07:57:22.032424+00'),
	(11, 'analytics_read', 'Read analytics', 'analytics', 'read', 10, '2026-11-30 07:57:22.03667+00'),
	(12, 'settings_read', 'Read settings', 'settings', 'read', 11, '2026-11-30 07:57:22.043028+00'),
	(13, 'settings_update', 'Update settings', 'settings', 'update', 12, '2026-11-30 07:57:22.046869+00'),
	(14, 'session_revoke', 'Revoke sessions of other users', 'session', 'revoke', 13, '2026-11-30 07:57:22.058133+00'),
	(15, 'animal_create', 'Create animals', 'animal', 'create', 14, '2026-11-30 07:57:22.061915+00'),
	(16, 'animal_read', 'Read animals', 'animal', 'read', 15, '2026-11-30 07:57:22.066741+00'),
	(17, 'animal_update', 'Update animals', 'animal', 'update', 16, '2026-11-30 07:57:22.080286+00'),
	(18, 'animal_delete', 'Delete animals', 'animal', 'delete', 17, '2026-11-30 07:57:22.086713+00'),
	(19, 'sample_create', 'Create samples', 'sample', 'create', 18, '2026-11-30 07:57:22.092825+00'),
	(20, 'sample_read', 'Read samples', 'sample', 'read', 19, '2026-11-30 07:57:22.10441+00'),
	(21, 'sample_update', 'Update samples', 'sample', 'update', 20, '2026-11-30 07:57:22.106933+00'),
	(22, 'sample_delete', 'Delete samples', 'sample', 'delete', 21, '2026-11-30 07:57:22.118751+00'),
	(23, 'lab_test_create', 'Create laboratory tests', 'lab_test', 'create', 22, '2026-11-30 07:57:22.135471+00'),
	(24, 'lab_test_read', 'Read laboratory tests', 'lab_test', 'read', 23, '2026-11-30 07:57:22.143919+00'),
	(25, 'lab_test_update', 'Update laboratory tests', 'lab_test', 'update', 24, '2026-11-30 07:57:22.152996+00'),
	(26, 'lab_test_approve', 'Approve laboratory tests', 'lab_test', 'approve', 25, '2026-11-30 07:57:22.159145+00'),
	(27, 'procedure_create', 'Create procedures', 'procedure', 'create', 26, '2026-11-30 07:57:22.162235+00'),
	(28, 'procedure_read', 'Read procedures', 'procedure', 'read', 27, '2026-11-30 07:57:22.170542+00'),
	(29, 'procedure_update', 'Update procedures', 'procedure', 'update', 28, '2026-11-30 07:57:22.184706+00'),
	(30, 'customer_create', 'Create customers', 'customer', 'create', 29, '2026-11-30 07:57:22.188151+00'),
	(31, 'customer_read', 'Read customers', 'customer', 'read', 30, '2026-11-30 07:57:22.203573+00'),
	(32, 'customer_update', 'Update customers', 'customer', 'update', 31, '2026-11-30 07:57:22.210012+00'),
	(33, 'customer_delete', 'Delete customers', 'customer', 'delete', 32, '2026-11-30 07:57:22.215228+00'),
	(34, 'inventory_read', 'Read inventory', 'inventory', 'read', 33, '2026-11-30 07:57:22.232752+00'),
	(35, 'inventory_update', 'Update inventory', 'inventory', 'update', 34, '2026-11-30 07:57:22.237185+00'),
	(36, 'report_create', 'Create reports', 'report', 'create', 35, '2026-11-30 07:57:22.248713+00'),
	(37, 'report_read', 'Read reports', 'report', 'read', 36, '2026-11-30 07:57:22.25342+00'),
	(38, 'report_export', 'Export reports', 'report', 'export', 37, '2026-11-30 07:57:22.256311+00'),
	(39, 'genomics_read', 'Read genomics data', 'genomics', 'read', 38, '2026-11-30 07:57:22.273323+00');

INSERT INTO public.role_permissions VALUES
	(1, 1, 1),
	(2, 1, 2),
	(3, 1, 3),
	(4, 1, 4),
	(5, 1, 5),
	(6, 1, 6),
	(7, 1, 7),
	(8, 1, 8),
	(9, 1, 9),
	(10, 1, 10),
	(11, 1, 11),
	(12, 1, 12),
	(13, 1, 13),
	(14, 1, 14),
	(15, 1, 15),
	(16, 1, 16),
	(17, 1, 17),
	(18, 1, 18),
	(19, 1, 19),
	(20, 1, 20),
	(21, 1, 21),
	(22, 1, 22),
	(23, 1, 23),
	(24, 1, 24),
	(25, 1, 25),
	(26, 1, 26),
	(27, 1, 27),
	(28, 1, 28),
	(29, 1, 29),
	(30, 1, 30),
	(31, 1, 31),
	(32, 1, 32),
	(33, 1, 33),
	(34, 1, 34),
	(35, 1, 35),
	(36, 1, 36),
	(37, 1, 37),
	(38, 1, 38),
	(39, 1, 39),
	(40, 2, 1),
	(41, 2, 2),
	(42, 2, 3),
	(43, 2, 4),
	(44, 2, 5),
	(45, 2, 6),
	(46, 2, 7),
	(47, 2, 9),
	(48, 2, 10),
	(49, 2, 11),
	(50, 2, 12),
	(51, 2, 14),
	(52, 2, 15),
	(53, 2, 16),
	(54, 2, 17),
	(55, 2, 18),
	(56, 2, 19),
	(57, 2, 20),
	(58, 2, 21),
	(59, 2, 22),
	(60, 2, 23),
	(61, 2, 24),
	(62, 2, 25),
	(63, 2, 26),
	(64, 2, 27),
	(65, 2, 28),
	(66, 2, 29),
	(67, 2, 30),
	(68, 2, 31),
	(69, 2, 32),
	(70, 2, 33),
	(71, 2, 34),
	(72, 2, 35),
	(73, 2, 36),
	(74, 2, 37),
	(75, 2, 38),
	(76, 2, 39),
	(77, 3, 2),
	(78, 3, 6),
	(79, 3, 9),
	(80, 3, 10),
	(81, 3, 11),
	(82, 3, 12),
	(83, 3, 16),
	(84, 3, 20),
	(85, 3, 24),
	(86, 3, 26),
	(87, 3, 28),
	(88, 3, 30),
	(89, 3, 31),
	(90, 3, 32),
	(91, 3, 33),
	(92, 3, 34),
	(93, 3, 35),
	(94, 3, 36),
	(95, 3, 37),
	(96, 3, 38),
	(97, 3, 39),
	(98, 4, 34),
	(99, 4, 36),
	(100, 4, 37);
INSERT INTO public.role_permissions VALUES
	(101, 4, 38),
	(102, 4, 39),
	(103, 4, 16),
	(104, 4, 19),
	(105, 4, 20),
	(106, 4, 21),
	(107, 4, 23),
	(108, 4, 24),
	(109, 4, 25),
	(110, 4, 28),
	(111, 5, 34),
	(112, 5, 36),
	(113, 5, 37),
	(114, 5, 15),
	(115, 5, 16),
	(116, 5, 17),
	(117, 5, 18),
	(118, 5, 20),
	(119, 5, 23),
	(120, 5, 24),
	(121, 5, 27),
	(122, 5, 28),
	(123, 5, 29),
	(124, 5, 31),
	(125, 6, 34),
	(126, 6, 35),
	(127, 6, 37),
	(128, 6, 16),
	(129, 6, 19),
	(130, 6, 20),
	(131, 6, 21),
	(132, 6, 23),
	(133, 6, 24),
	(134, 6, 25),
	(135, 6, 28),
	(136, 7, 34),
	(137, 7, 37),
	(138, 7, 39),
	(139, 7, 16),
	(140, 7, 20),
	(141, 7, 24),
	(142, 7, 28),
	(143, 7, 31);

INSERT INTO public.roles VALUES
	(1, 'Super Administrator', 'super_admin', 'Full system access with all permissions', true, false, 0, '2026-11-30 07:57:22.292165+00', '2026-11-30 07:57:22.317632+00', false),
	(2, 'Administrator', 'admin', 'Administrative access with user management capabilities', true, false, 1, '2026-11-30 07:57:22.341356+00', '2026-11-30 07:57:22.362025+00', false),
	(3, 'Manager', 'manager', 'Oversight and analytics access', true, false, 2, '2026-11-30 07:57:22.384208+00', '2026-11-30 07:57:22.405206+00', false),
	(4, 'Researcher', 'researcher', 'Research data and analysis access', true, false, 3, '2026-11-30 07:57:22.4238+00', '2026-11-30 07:57:22.442838+00', false),
	(5, 'Veterinarian', 'veterinarian', 'Clinical and animal health management', true, false, 4, '2026-11-30 07:57:22.468946+00', '2026-11-30 07:57:22.498594+00', false),
	(6, 'Laboratory Technician', 'lab_technician', 'Lab operations and test management', true, false, 5, '2026-11-30 07:57:22.515308+00', '2026-11-30 07:57:22.534164+00', false),
	(7, 'Viewer', 'viewer', 'Read-only access to assigned modules', true, false, 6, '2026-11-30 07:57:22.550072+00', '2026-11-30 07:57:22.565043+00', false);

INSERT INTO public.sessions VALUES
	('0b94c005-8df9-4b6c-bd11-842b8c061e5f', 'token', '2026-11-30 07:57:26.444825+00', '2026-11-30 07:57:26.444825+00', '2026-12-01 07:57:26.444825+00', NULL, 'manage.py shell (root)', NULL, '', '', '{}', 2, '2026-11-30 07:57:26.444825+00', '2026-12-01 07:57:26.444825+00', 0, false, NULL, false);

INSERT INTO public.user_counts VALUES
	(1, 'active', 1),
	(2, 'existing', 1),
	(3, 'role 1', 1),
	(4, 'active', 1),
	(5, 'existing', 1),
	(6, 'role 7', 1),
	(7, 'service', 1),
	(8, 'active', 1),
	(9, 'existing', 1),
	(10, 'active', -1),
	(11, 'locked', 1),
	(12, 'role 6', 1),
	(13, 'active', 1),
	(14, 'locked', -1),
	(15, 'active', 1),
	(16, 'existing', 1);

INSERT INTO public.user_days VALUES
	(1, '2026-11-30', 1, 0),
	(2, '2026-11-30', 1, 0),
	(3, '2026-11-30', 1, 0),
	(4, '2026-11-30', 1, 0);

INSERT INTO public.user_moves VALUES
	(1, 'id', 1, 1, '1'),
	(2, 'username', 1, 1, 'admin'),
	(3, 'email', 1, 1, 'admin@reprotech.com'),
	(4, 'first_name', 1, 1, 'system'),
	(5, 'last_name', 1, 1, 'administrator'),
	(6, 'is_active', 1, 1, 'true'),
	(7, 'last_login', 1, 1, NULL),
	(8, 'created_at', 1, 1, '2026-11-30 07:57:22.580971+00'),
	(9, 'updated_at', 1, 1, '2026-11-30 07:57:23.332124+00'),
	(10, 'id', 1, 2, '2'),
	(11, 'username', 1, 2, 'mira'),
	(12, 'email', 1, 2, 'mira@lab.example'),
	(13, 'first_name', 1, 2, 'míra'),
	(14, 'last_name', 1, 2, ''),
	(15, 'is_active', 1, 2, 'true'),
	(16, 'last_login', 1, 2, NULL),
	(17, 'created_at', 1, 2, '2026-11-30 07:57:23.534169+00'),
	(18, 'updated_at', 1, 2, '2026-11-30 07:57:24.218293+00'),
	(19, 'id', 1, 3, '3'),
	(20, 'username', 1, 3, 'robot'),
	(21, 'email', 1, 3, 'robot@lab.example'),
	(22, 'first_name', 1, 3, ''),
	(23, 'last_name', 1, 3, ''),
	(24, 'is_active', 1, 3, 'true'),
	(25, 'last_login', 1, 3, NULL),
	(26, 'created_at', 1, 3, '2026-11-30 07:57:24.239391+00'),
	(27, 'updated_at', 1, 3, '2026-11-30 07:57:24.255245+00'),
	(28, 'updated_at', -1, 2, '2026-11-30 07:57:24.218293+00'),
	(29, 'updated_at', 1, 2, '2026-11-30 07:57:24.307900+00'),
	(30, 'updated_at', -1, 3, '2026-11-30 07:57:24.255245+00'),
	(31, 'updated_at', 1, 3, '2026-11-30 07:57:24.392749+00'),
	(32, 'updated_at', -1, 2, '2026-11-30 07:57:24.307900+00'),
	(33, 'updated_at', 1, 2, '2026-11-30 07:57:24.518231+00'),
	(34, 'id', 1, 4, '4'),
	(35, 'username', 1, 4, 'zoe'),
	(36, 'email', 1, 4, 'zoe@bücher.example'),
	(37, 'first_name', 1, 4, 'zoë'),
	(38, 'last_name', 1, 4, 'long'),
	(39, 'is_active', 1, 4, 'true'),
	(40, 'last_login', 1, 4, NULL),
	(41, 'created_at', 1, 4, '2026-11-30 07:57:25.229145+00'),
	(42, 'updated_at', 1, 4, '2026-11-30 07:57:25.914275+00'),
	(43, 'username', -1, 4, 'zoe'),
	(44, 'username', 1, 4, 'zoe.long'),
	(45, 'updated_at', -1, 4, '2026-11-30 07:57:25.914275+00'),
	(46, 'updated_at', 1, 4, '2026-11-30 07:57:25.963756+00');

INSERT INTO public.user_roles VALUES
	(1, 1, 1),
	(2, 2, 7),
	(3, 3, 6);

INSERT INTO public.users VALUES
	(1, NULL, 'admin', 'admin@reprotech.com', 'bcrypt_sha256$$2b$12$RIgvbvoTFxuis5YRY3q.POaK1zI3Nah4wwUdq/Xo.srrZI.X2WEp.', 'System', 'Administrator', true, NULL, NULL, false, '2026-11-30 07:57:22.659747+00', '2026-11-30 07:57:22.580971+00', '2026-11-30 07:57:23.332124+00', 'admin
admin@reprotech.com
system administrator', 0, '', false, false, 0, NULL),
	(3, NULL, 'robot', 'robot@lab.example', '!7q41P6QzHlWUlwqpA09I8fYhm0ZeWR7CqH9fQXCt', '', '', true, NULL, NULL, false, NULL, '2026-11-30 07:57:24.239391+00', '2026-11-30 07:57:24.392749+00', 'robot
robot@lab.example
 ', 0, '', false, true, 0, NULL),
	(2, NULL, 'mira', 'mira@lab.example', 'bcrypt_sha256$$2b$12$GX81lX9OEyPih3L/kq.Wx.J2.zLDotbrF2AWic10NjZh0O0JOAmrO', 'Míra', '', true, NULL, NULL, false, '2026-11-30 07:57:23.534384+00', '2026-11-30 07:57:23.534169+00', '2026-11-30 07:57:24.518231+00', 'mira
mira@lab.example
míra ', 0, '', false, false, 1, '2026-11-30 07:57:24.518225+00'),
	(4, NULL, 'zoe.long', 'zoe@bücher.example', 'bcrypt_sha256$$2b$12$xzgQmPTeK4N7yUrWAOsFRuxHuzavWdxpDGnEOygwvysET12lbWeUq', 'Zoë', 'Long', true, NULL, NULL, false, '2026-11-30 07:57:25.229395+00', '2026-11-30 07:57:25.229145+00', '2026-11-30 07:57:25.963756+00', 'zoe.long
zoe@bücher.example
zoë long', 0, '', false, false, 0, NULL);

SELECT pg_catalog.setval('public.audit_daily_counts_id_seq', 4, true);

SELECT pg_catalog.setval('public.audit_keys_id_seq', 1, true);

SELECT pg_catalog.setval('public.audit_logs_id_seq', 16, true);

SELECT pg_catalog.setval('public.audit_saved_filters_id_seq', 1, false);

SELECT pg_catalog.setval('public.audit_verification_runs_id_seq', 1, false);

SELECT pg_catalog.setval('public.auth_group_id_seq', 1, false);

SELECT pg_catalog.setval('public.auth_group_permissions_id_seq', 1, false);

SELECT pg_catalog.setval('public.auth_permission_id_seq', 20, true);

SELECT pg_catalog.setval('public.django_admin_log_id_seq', 1, false);

SELECT pg_catalog.setval('public.django_content_type_id_seq', 32, true);

SELECT pg_catalog.setval('public.django_migrations_id_seq', 47, true);

SELECT pg_catalog.setval('public.email_changes_id_seq', 1, false);

SELECT pg_catalog.setval('public.outgoing_mails_id_seq', 1, true);

SELECT pg_catalog.setval('public.passkeys_id_seq', 1, false);

SELECT pg_catalog.setval('public.password_history_id_seq', 1, false);

SELECT pg_catalog.setval('public.permissions_id_seq', 39, true);

SELECT pg_catalog.setval('public.recovery_codes_id_seq', 1, false);

SELECT pg_catalog.setval('public.reset_requests_id_seq', 1, false);

SELECT pg_catalog.setval('public.role_permissions_id_seq', 143, true);

SELECT pg_catalog.setval('public.roles_id_seq', 7, true);

SELECT pg_catalog.setval('public.totp_keys_id_seq', 1, false);

SELECT pg_catalog.setval('public.user_counts_id_seq', 16, true);

SELECT pg_catalog.setval('public.user_days_id_seq', 4, true);

SELECT pg_catalog.setval('public.user_moves_id_seq', 46, true);

SELECT pg_catalog.setval('public.user_roles_id_seq', 3, true);

SELECT pg_catalog.setval('public.user_signposts_id_seq', 1, false);

SELECT pg_catalog.setval('public.users_id_seq', 4, true);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);

ALTER TABLE ONLY public.audit_anchors
    ADD CONSTRAINT audit_anchors_pkey PRIMARY KEY (channel);

ALTER TABLE ONLY public.audit_blocks
    ADD CONSTRAINT audit_blocks_pkey PRIMARY KEY (block);

ALTER TABLE ONLY public.audit_checkpoints
    ADD CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (size);

ALTER TABLE ONLY public.audit_daily_counts
    ADD CONSTRAINT audit_daily_counts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_daily_counts
    ADD CONSTRAINT audit_daily_unique UNIQUE (action, day, success);

ALTER TABLE ONLY public.audit_keys
    ADD CONSTRAINT audit_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_leaves
    ADD CONSTRAINT audit_leaves_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY public.audit_leaves
    ADD CONSTRAINT audit_leaves_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.audit_logs
    ADD CONSTRAINT audit_logs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_nodes
    ADD CONSTRAINT audit_nodes_pkey PRIMARY KEY (level, index);

ALTER TABLE ONLY public.audit_saved_filters
    ADD CONSTRAINT audit_saved_filters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_verification_runs
    ADD CONSTRAINT audit_verification_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_name_key UNIQUE (name);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_permission_id_0cd325b0_uniq UNIQUE (group_id, permission_id);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_codename_01ab375a_uniq UNIQUE (content_type_id, codename);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_app_label_model_76bd3d3b_uniq UNIQUE (app_label, model);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_session
    ADD CONSTRAINT django_session_pkey PRIMARY KEY (session_key);

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT email_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT email_changes_user_id_key UNIQUE (user_id);

ALTER TABLE ONLY public.outgoing_mails
    ADD CONSTRAINT outgoing_mails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_credential_id_key UNIQUE (credential_id);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.password_history
    ADD CONSTRAINT password_history_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.permissions
    ADD CONSTRAINT permissions_name_key UNIQUE (name);

ALTER TABLE ONLY public.permissions
    ADD CONSTRAINT permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_code_unique UNIQUE (user_id, code_hash);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reset_requests
    ADD CONSTRAINT reset_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_role_id_permission_id_04f77df0_uniq UNIQUE (role_id, permission_id);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.spent_once
    ADD CONSTRAINT spent_once_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.totp_keys
    ADD CONSTRAINT totp_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.totp_keys
    ADD CONSTRAINT totp_keys_user_id_key UNIQUE (user_id);

ALTER TABLE ONLY public.user_counts
    ADD CONSTRAINT user_counts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.user_days
    ADD CONSTRAINT user_days_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.user_moves
    ADD CONSTRAINT user_moves_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_user_id_role_id_69bfd9a0_uniq UNIQUE (user_id, role_id);

ALTER TABLE ONLY public.user_signposts
    ADD CONSTRAINT user_signposts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX api_key_user_created ON public.api_keys USING btree (user_id, created_at DESC);

CREATE INDEX api_keys_prefix_8bd1f38a_like ON public.api_keys USING btree (prefix varchar_pattern_ops);

CREATE INDEX api_keys_user_id_1367826c ON public.api_keys USING btree (user_id);

CREATE INDEX audit_action ON public.audit_logs USING btree (action, id DESC);

CREATE INDEX audit_action_timestamp ON public.audit_logs USING btree (action, "timestamp");

CREATE INDEX audit_anchors_channel_ba966b42_like ON public.audit_anchors USING btree (channel varchar_pattern_ops);

CREATE INDEX audit_checkpoints_sealed_at_c3466234 ON public.audit_checkpoints USING btree (sealed_at);

CREATE INDEX audit_ip_address ON public.audit_logs USING btree (ip_address, id DESC);

CREATE INDEX audit_request_id ON public.audit_logs USING btree (request_id);

CREATE INDEX audit_resource ON public.audit_logs USING btree (resource, resource_id, id DESC);

CREATE INDEX audit_resource_id ON public.audit_logs USING btree (resource_id, id DESC) WHERE ((resource_id)::text > ''::text);

CREATE UNIQUE INDEX audit_saved_filter_unique ON public.audit_saved_filters USING btree (user_id, lower((name)::text));

CREATE INDEX audit_session_id ON public.audit_logs USING btree (session_id, id DESC) WHERE (session_id IS NOT NULL);

CREATE INDEX audit_success ON public.audit_logs USING btree (success, id DESC);

CREATE INDEX audit_timestamp ON public.audit_logs USING btree ("timestamp", id);

CREATE INDEX audit_transaction ON public.audit_logs USING btree (transaction_id);

CREATE INDEX audit_user_id ON public.audit_logs USING btree (user_id, id DESC);

CREATE INDEX audit_username ON public.audit_logs USING btree (lower((username)::text), id DESC);

CREATE INDEX audit_words ON public.audit_logs USING gin (to_tsvector('simple'::regconfig, regexp_replace((((((username)::text || ' '::text) || (resource_name)::text) || ' '::text) || (details)::text), '[^[:alnum:]]+'::text, ' '::text, 'g'::text))) WITH (gin_pending_list_limit='512');

CREATE INDEX auth_group_name_a6ea08ec_like ON public.auth_group USING btree (name varchar_pattern_ops);

CREATE INDEX auth_group_permissions_group_id_b120cbf9 ON public.auth_group_permissions USING btree (group_id);

CREATE INDEX auth_group_permissions_permission_id_84c5c92e ON public.auth_group_permissions USING btree (permission_id);

CREATE INDEX auth_permission_content_type_id_2f476e4b ON public.auth_permission USING btree (content_type_id);

CREATE INDEX django_admin_log_content_type_id_c4bce8eb ON public.django_admin_log USING btree (content_type_id);

CREATE INDEX django_admin_log_user_id_c564eba6 ON public.django_admin_log USING btree (user_id);

CREATE INDEX django_session_expire_date_a5c62663 ON public.django_session USING btree (expire_date);

CREATE INDEX django_session_session_key_c0390e0f_like ON public.django_session USING btree (session_key varchar_pattern_ops);

CREATE INDEX outgoing_mail_due ON public.outgoing_mails USING btree (due_at) WHERE (failed_at IS NULL);

CREATE INDEX outgoing_mails_user_id_1976961a ON public.outgoing_mails USING btree (user_id);

CREATE INDEX passkeys_credential_id_b8590ee9_like ON public.passkeys USING btree (credential_id varchar_pattern_ops);

CREATE INDEX passkeys_user_id_0a34c61d ON public.passkeys USING btree (user_id);

CREATE INDEX password_history_user_id_dce36979 ON public.password_history USING btree (user_id);

CREATE INDEX permissions_name_78c1eaba_like ON public.permissions USING btree (name varchar_pattern_ops);

CREATE INDEX recovery_codes_user_id_5a11d37e ON public.recovery_codes USING btree (user_id);

CREATE UNIQUE INDEX role_name_unique ON public.roles USING btree (lower((name)::text));

CREATE INDEX role_permissions_permission_id_ad343843 ON public.role_permissions USING btree (permission_id);

CREATE INDEX role_permissions_role_id_216516f2 ON public.role_permissions USING btree (role_id);

CREATE INDEX roles_slug_d26fd500_like ON public.roles USING btree (slug varchar_pattern_ops);

CREATE INDEX session_expires ON public.sessions USING btree (expires_at);

CREATE INDEX session_last_used ON public.sessions USING btree (last_used_at DESC);

CREATE INDEX session_user_address ON public.sessions USING btree (user_id, ip_address, created_at);

CREATE INDEX session_user_last_used ON public.sessions USING btree (user_id, last_used_at DESC);

CREATE INDEX sessions_user_id_05e26f4a ON public.sessions USING btree (user_id);

CREATE INDEX spent_once_expires ON public.spent_once USING btree (expires_at);

CREATE INDEX spent_once_name_6364ac8a_like ON public.spent_once USING btree (name varchar_pattern_ops);

CREATE INDEX user_by_created_at ON public.users USING btree (created_at, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_email ON public.users USING btree (lower((email)::text), id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_first_name ON public.users USING btree (lower((first_name)::text), id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_first_name_down ON public.users USING btree (lower((first_name)::text) DESC, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_is_active ON public.users USING btree (is_active, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_is_inactive ON public.users USING btree (is_active DESC, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_last_login ON public.users USING btree (last_login, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_last_name ON public.users USING btree (lower((last_name)::text), id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_last_name_down ON public.users USING btree (lower((last_name)::text) DESC, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_lock ON public.users USING btree (id) WHERE ((deleted_at IS NULL) AND (locked_at IS NOT NULL));

CREATE INDEX user_by_recent_login ON public.users USING btree (last_login DESC NULLS LAST, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_updated_at ON public.users USING btree (updated_at, id) WHERE (deleted_at IS NULL);

CREATE INDEX user_by_username ON public.users USING btree (lower((username)::text), id) WHERE (deleted_at IS NULL);

CREATE INDEX user_days_day_147c7256 ON public.user_days USING btree (day);

CREATE INDEX user_deleted ON public.users USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE UNIQUE INDEX user_email_unique ON public.users USING btree (lower((email)::text)) WHERE (deleted_at IS NULL);

CREATE INDEX user_existing ON public.users USING btree (id) WHERE (deleted_at IS NULL);

CREATE INDEX user_move_sort ON public.user_moves USING btree (sort);

CREATE INDEX user_roles_by_role ON public.user_roles USING btree (role_id, user_id);

CREATE INDEX user_roles_role_id_816a4486 ON public.user_roles USING btree (role_id);

CREATE INDEX user_roles_user_id_9d9f8dbb ON public.user_roles USING btree (user_id);

CREATE INDEX user_search ON public.users USING gin (search_text public.gin_trgm_ops) WITH (gin_pending_list_limit='256');

CREATE INDEX user_service ON public.users USING btree (id) WHERE ((deleted_at IS NULL) AND is_service);

CREATE INDEX user_short_search ON public.users USING gin (public.user_search_letters(search_text)) WITH (gin_pending_list_limit='256');

CREATE INDEX user_signpost ON public.user_signposts USING btree (sort, "position");

CREATE UNIQUE INDEX user_username_unique ON public.users USING btree (lower((username)::text));

CREATE STATISTICS public.audit_kinds (mcv) ON action, resource, success FROM public.audit_logs;

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit_checkpoints FOR EACH ROW EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit_keys FOR EACH ROW EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit_leaves FOR EACH ROW EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit_logs FOR EACH ROW EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit_nodes FOR EACH ROW EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON public.audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON public.audit_keys FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON public.audit_leaves FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON public.audit_logs FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON public.audit_nodes FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();

CREATE TRIGGER user_roles_count_delete AFTER DELETE ON public.user_roles REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.user_roles_count_delete();

CREATE TRIGGER user_roles_count_insert AFTER INSERT ON public.user_roles REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.user_roles_count_insert();

CREATE TRIGGER users_count_delete AFTER DELETE ON public.users REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.users_count_delete();

CREATE TRIGGER users_count_insert AFTER INSERT ON public.users REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.users_count_insert();

CREATE TRIGGER users_count_update AFTER UPDATE ON public.users FOR EACH ROW WHEN (((old.is_active IS DISTINCT FROM new.is_active) OR (old.locked_at IS DISTINCT FROM new.locked_at) OR (old.deleted_at IS DISTINCT FROM new.deleted_at) OR (old.is_service IS DISTINCT FROM new.is_service))) EXECUTE FUNCTION public.users_count_update();

CREATE TRIGGER users_day_delete AFTER DELETE ON public.users REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.users_day_delete();

CREATE TRIGGER users_day_insert AFTER INSERT ON public.users REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.users_day_insert();

CREATE TRIGGER users_day_update AFTER UPDATE ON public.users FOR EACH ROW WHEN (((old.deleted_at IS DISTINCT FROM new.deleted_at) OR (old.created_at IS DISTINCT FROM new.created_at))) EXECUTE FUNCTION public.users_day_update();

CREATE TRIGGER users_place_delete AFTER DELETE ON public.users REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION public.users_place_delete();

CREATE TRIGGER users_place_insert AFTER INSERT ON public.users REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION public.users_place_insert();

CREATE TRIGGER users_place_update AFTER UPDATE ON public.users FOR EACH ROW WHEN (((old.id IS DISTINCT FROM new.id) OR (old.deleted_at IS DISTINCT FROM new.deleted_at) OR ((lower((old.username)::text) IS DISTINCT FROM lower((new.username)::text)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR ((lower((old.email)::text) IS DISTINCT FROM lower((new.email)::text)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR ((lower((old.first_name)::text) IS DISTINCT FROM lower((new.first_name)::text)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR ((lower((old.last_name)::text) IS DISTINCT FROM lower((new.last_name)::text)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR ((old.is_active IS DISTINCT FROM new.is_active) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR ((old.last_login IS DISTINCT FROM new.last_login) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR ((old.created_at IS DISTINCT FROM new.created_at) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR ((old.updated_at IS DISTINCT FROM new.updated_at) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)))) EXECUTE FUNCTION public.users_place_update();

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_user_id_1367826c_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissio_permission_id_84c5c92e_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_b120cbf9_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_2f476e4b_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_content_type_id_c4bce8eb_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_user_id_c564eba6_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT email_changes_user_id_a04d282a_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.outgoing_mails
    ADD CONSTRAINT outgoing_mails_user_id_1976961a_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_user_id_0a34c61d_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.password_history
    ADD CONSTRAINT password_history_user_id_dce36979_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_5a11d37e_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_permission_id_ad343843_fk_permissions_id FOREIGN KEY (permission_id) REFERENCES public.permissions(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_role_id_216516f2_fk_roles_id FOREIGN KEY (role_id) REFERENCES public.roles(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_05e26f4a_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.totp_keys
    ADD CONSTRAINT totp_keys_user_id_599bfd6f_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_role_id_816a4486_fk_roles_id FOREIGN KEY (role_id) REFERENCES public.roles(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_user_id_9d9f8dbb_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

