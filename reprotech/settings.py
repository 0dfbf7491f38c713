"""Settings. Everything an installation may choose comes from the environment; `.env.example` describes it."""

import os
import re
import socket
from datetime import timedelta
from pathlib import Path

from corsheaders.defaults import default_headers

from reprotech import release
from reprotech.conf.api import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 (Django reads them here)
from reprotech.conf.databases import cache_settings, database_settings
from reprotech.conf.env import Environment
from reprotech.conf.logging import logging_config
from reprotech.conf.required_reasons import REASON_PAIRS, read_required_reasons

DASHBOARD_COMPARISON_DAYS = 30
BASE_DIR = Path(__file__).resolve().parent.parent
ENV = env = Environment(BASE_DIR / ".env")

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY", debug=DEBUG)
JWT_SECRET_KEY = env.secret("JWT_SECRET_KEY", debug=DEBUG)
#: Replaced keys: they verify what they signed, and sign nothing new.
SECRET_KEY_FALLBACKS = env.old_secrets("SECRET_KEY_FALLBACKS", debug=DEBUG)
JWT_SECRET_KEY_FALLBACKS = env.old_secrets("JWT_SECRET_KEY_FALLBACKS", debug=DEBUG)
env.require(
    DEBUG or not {SECRET_KEY, *SECRET_KEY_FALLBACKS} & {JWT_SECRET_KEY, *JWT_SECRET_KEY_FALLBACKS},
    "SECRET_KEY and JWT_SECRET_KEY must differ: anyone who finds one would have both.",
)
#: Signs API tokens so that other services can verify them; None: JWT_SECRET_KEY signs them.
JWT_SIGNING_KEY = env.token_key("JWT_SIGNING_KEY")
#: Public keys of former and future signing keys: accepted, and published for other services.
JWT_PUBLIC_KEYS = env.public_keys("JWT_PUBLIC_KEYS")
#: Keys, lifetimes and audiences are in `accounts.sessions.jwt_signing` and `accounts.sessions.tokens`. Without this
#: SIGNING_KEY Simple JWT would take SECRET_KEY.
SIMPLE_JWT = {"TOKEN_TYPE_CLAIM": "type", "SIGNING_KEY": None}
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1", debug=DEBUG)
#: Links in mails start with it.
PUBLIC_URL = env.origin("PUBLIC_URL", "http://127.0.0.1:5001")
#: Of the laboratory, for people who sign in; "" for none.
LAB_NAME, MAX_LAB_NAME_LENGTH = env.text("LAB_NAME"), 60
env.require(
    len(LAB_NAME) <= MAX_LAB_NAME_LENGTH and LAB_NAME.isprintable(),
    "LAB_NAME must have at most 60 characters, and no line breaks or other control characters.",
)
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
#: The headers of these proxies: X-Forwarded-For and -Proto, or Forwarded (RFC 7239).
FORWARDED_HEADERS = env.choice("FORWARDED_HEADERS", "X-Forwarded", ("X-Forwarded", "Forwarded"))
SSL_REQUIRED = env.flag("SSL_REQUIRED", default=False)
#: None in development without one: then nothing is sealed.
AUDIT_SIGNING_KEY = env.signing_key("AUDIT_SIGNING_KEY", debug=DEBUG)
AUDIT_SIGNING_KEY_FILE = env.text("AUDIT_SIGNING_KEY_FILE")
#: Trusted public keys of the audit log besides that of AUDIT_SIGNING_KEY, such as of a lost key.
AUDIT_TRUSTED_KEYS = env.log_keys("AUDIT_TRUSTED_KEYS")
env.require(
    AUDIT_SIGNING_KEY is None or JWT_SIGNING_KEY != AUDIT_SIGNING_KEY,
    "JWT_SIGNING_KEY and AUDIT_SIGNING_KEY must differ: anyone who finds one would have both.",
)
#: How often the server seals events; 0: `manage.py seal_audit` must.
AUDIT_SEAL_SECONDS = env.number("AUDIT_SEAL_SECONDS", default=3, between=(0, 3600))
#: How often the server verifies the whole audit log; 0: `manage.py verify_audit --remember` must.
AUDIT_VERIFY_HOURS = env.number("AUDIT_VERIFY_HOURS", default=24, between=(0, 8760))
#: Where signed checkpoints go, out of the database owner's reach. The file gets each, the others one at a time.
AUDIT_ANCHOR_FILE = BASE_DIR / path if (path := env.text("AUDIT_ANCHOR_FILE")) else None
AUDIT_ANCHOR_URL = env.webhook("AUDIT_ANCHOR_URL")
AUDIT_ANCHOR_EMAIL = env.addresses("AUDIT_ANCHOR_EMAIL")
AUDIT_ANCHOR_INTERVAL = timedelta(minutes=env.number("AUDIT_ANCHOR_MINUTES", default=60, between=(1, 10_080)))
#: Days that an event stays in the database at least; 0: for ever.
AUDIT_RETENTION_DAYS = env.number("AUDIT_RETENTION_DAYS", default=0, between=(0, 36_500))
env.require(
    AUDIT_RETENTION_DAYS == 0 or AUDIT_RETENTION_DAYS > DASHBOARD_COMPARISON_DAYS,
    f"AUDIT_RETENTION_DAYS must be more than {DASHBOARD_COMPARISON_DAYS}, which figures look back.",
)
BACKUP_DIR = BASE_DIR / env.text("BACKUP_DIR", "backups")
BACKUP_RECIPIENTS = env.words("BACKUP_RECIPIENTS")
BACKUP_RETENTION_DEFAULTS = {"DAYS": 7, "WEEKS": 5, "MONTHS": 12}
BACKUP_KEEP = [
    env.number(f"BACKUP_KEEP_{unit}", default, between=(0, 1000)) for unit, default in BACKUP_RETENTION_DEFAULTS.items()
]
METRICS_TOKEN = env.text("METRICS_TOKEN")
#: The commit, or another name that the builder of a release or image chose.
BUILD_ID = env.text("BUILD_ID", release.read().build)
env.require(
    re.fullmatch(r"[\w.+-]{1,64}", BUILD_ID, re.ASCII) is not None,
    "BUILD_ID must be a commit or another name of at most 64 letters, digits and . _ + -.",
)
#: This server's name among several, in log lines and in the record of what its start changed.
DEFAULT_INSTANCE = ":".join(filter(None, (socket.gethostname(), os.environ.get("PORT", ""))))
INSTANCE = env.text("INSTANCE", re.sub(r"[^\w.:-]", "-", DEFAULT_INSTANCE, flags=re.ASCII)[:64])
env.require(
    re.fullmatch(r"[\w.:-]{1,64}", INSTANCE, re.ASCII) is not None,
    "INSTANCE must be a name of at most 64 letters, digits and . _ : -.",
)
MAINTENANCE_FILE = BASE_DIR / env.text("MAINTENANCE_FILE", "run/maintenance.json")

# Applications

INSTALLED_APPS = [
    "reprotech.apps.ReprotechAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "reprotech.apps.ReprotechStaticFilesConfig",
    "django.contrib.humanize",
    "corsheaders",
    "rest_framework",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "reprotech.apps.ChangeTrackingConfig",  # before ours, whose page of the log replaces its own
    "audit",
    "accounts",
    "access_history",
    "sso",
    "reviews",
    "access_requests",
    "analytics",
    "reprotech.apps.ReprotechConfig",
]

MIDDLEWARE = [
    "reprotech.middleware.request_context.RequestContextMiddleware",
    # First, since answers without a view need these headers too.
    "reprotech.middleware.security_headers.IsolationMiddleware",
    "reprotech.middleware.security_headers.OriginsMiddleware",
    "reprotech.middleware.request_limits.RequestLimitsMiddleware",
    "reprotech.middleware.security_headers.TransportMiddleware",
    "reprotech.middleware.compression.PageCompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "reprotech.middleware.trailing_slash.TrailingSlashMiddleware",
    "reprotech.maintenance_mode.MaintenanceMiddleware",
    "reprotech.middleware.api_fast_path.TokenFastPathMiddleware",  # calls with a token go no further
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.sessions.page_sessions.PageSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "reprotech.middleware.change_warnings.ChangeWarningMiddleware",
    "accounts.access.middleware.AccessMiddleware",
    "reprotech.error_pages.DomainErrorMiddleware",
    "reprotech.middleware.change_reason.ReasonMiddleware",
    "reprotech.middleware.reauthentication.ReauthenticationMiddleware",
]

#: Of an OpenTelemetry collector, which gets a trace of each request; "": none, and nothing of it is imported.
OTEL_EXPORTER_OTLP_ENDPOINT = env.collector("OTEL_EXPORTER_OTLP_ENDPOINT")
if OTEL_EXPORTER_OTLP_ENDPOINT:
    MIDDLEWARE.insert(1, "reprotech.monitoring.tracing.TracingMiddleware")  # it needs the request's id

ROOT_URLCONF = "reprotech.urls"
WSGI_APPLICATION = "reprotech.wsgi.application"
APPEND_SLASH = False  # the API answers both forms alike; see TrailingSlashMiddleware

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "reprotech.navigation.layout_context",
            ],
        },
    }
]

# Database and cache

DATABASES = {"default": database_settings(env, BASE_DIR)}
#: Of the server, where migrations run as the owner of the tables: they give it its rights.
DATABASE_WEB_ROLE = env.text("DATABASE_WEB_ROLE")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.redis("REDIS_URL")
REDIS_TIMEOUT = 0.5  # seconds without an answer, after which it counts as out of reach
CACHES = {"default": cache_settings(REDIS_URL, REDIS_TIMEOUT)}
DJANGO_REDIS_CLOSE_CONNECTION = False  # its default, which it would look up after each request

# Audit

#: django-auditlog writes into our own log (`audit.tracking.model_tracking`); it has no table.
AUDITLOG_LOGENTRY_MODEL = "audit.AuditLog"
AUDITLOG_STORE_JSON_CHANGES = True
AUDITLOG_USE_BASE_MANAGER = True
MIGRATION_MODULES = {"auditlog": None}

# Accounts

AUTH_USER_MODEL = "accounts.User"
# The username is unique whatever the case, by a constraint that this check doesn't know. TransportMiddleware and
# IsolationMiddleware take the places of Django's own that the others miss.
SILENCED_SYSTEM_CHECKS = ["auth.W004", "security.W001", "security.W002"]
AUTHENTICATION_BACKENDS = ["accounts.access.backends.RoleBackend"]
#: Of a server process. Password hashing may take most of them, and leaves some to all other requests.
THREADS = env.number("THREADS", default=16, between=(1, 1000))
PASSWORD_HASHERS = ["accounts.core.hashers.BCryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.validators.LengthValidator"},
    {"NAME": "accounts.passwords.validators.CharacterClassValidator"},
    {"NAME": "accounts.passwords.validators.AccountNameValidator"},
    {"NAME": "accounts.passwords.validators.ContextWordValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.validators.HistoryValidator"},
]
PASSWORD_MIN_LENGTH = env.number("PASSWORD_MIN_LENGTH", default=8, between=(8, 64))
#: Whether a password needs upper and lower case, a digit and a special character.
PASSWORD_CHARACTER_CLASSES = env.flag("PASSWORD_CHARACTER_CLASSES", default=True)
#: Of this installation, in lower case: a password must be more than one of them.
PASSWORD_CONTEXT_WORDS = {"reprotech", *(word.casefold() for word in env.words("PASSWORD_CONTEXT_WORDS"))}
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"

ACCESS_TOKEN_LIFETIME = timedelta(minutes=env.number("ACCESS_TOKEN_MINUTES", default=60, between=(1, 1440)))
REFRESH_TOKEN_LIFETIME = timedelta(days=env.number("REFRESH_TOKEN_DAYS", default=30, between=(1, 365)))
# How long sessions last: at the most, and without being used (NIST SP 800-63B-4, 2.2.3: 24 hours and one hour at AAL2).
PAGE_SESSION_LIFETIME = timedelta(hours=env.number("PAGE_SESSION_HOURS", default=12, between=(1, 168)))
PAGE_IDLE_LIFETIME = timedelta(minutes=env.number("PAGE_IDLE_MINUTES", default=60, between=(5, 1440)))
REMEMBERED_SESSION_LIFETIME = timedelta(days=env.number("REMEMBERED_SESSION_DAYS", default=30, between=(0, 90)))
REMEMBERED_IDLE_LIFETIME = timedelta(days=env.number("REMEMBERED_IDLE_DAYS", default=7, between=(1, 90)))
TOKEN_SESSION_LIFETIME = timedelta(days=env.number("TOKEN_SESSION_DAYS", default=90, between=(1, 3650)))
#: How long after a password was typed it isn't asked again (`reprotech.core.reauthentication`).
SUDO_MINUTES = env.number("SUDO_MINUTES", default=5, between=(1, 60))
#: `resource:action` of changes that are refused without a reason (`audit.services`).
REASON_REQUIRED_FOR = read_required_reasons(env)
# What people change and can give a reason for, by resource, whether one is required or not.
REASON_CHANGES = REASON_PAIRS
NEW_DEVICE_MAILS = env.flag("NEW_DEVICE_MAILS", default=True)
#: Of the links in mails to set a password.
INVITATION_LIFETIME = timedelta(days=3)
RESET_LIFETIME = timedelta(hours=1)
PASSWORD_RESET_TIMEOUT = int(INVITATION_LIFETIME.total_seconds())  # the longest of them, for Django
#: 0: passwords don't expire.
PASSWORD_MAX_AGE = timedelta(days=env.number("PASSWORD_MAX_AGE_DAYS", default=0, between=(0, 3650)))
#: Days without a time of day are days here.
LAB_TIME_ZONE = env.time_zone("LAB_TIME_ZONE", default="UTC")
#: The longest that a role may be given for; 0: without an end.
GRANT_MAX_DAYS = env.number("GRANT_MAX_DAYS", default=0, between=(0, 3650))
ADMIN_PASSWORD = env.text("ADMIN_PASSWORD")
#: Of the first administrator; without it, an address that gets no mail in production.
ADMIN_EMAIL = env.address("ADMIN_EMAIL")

#: The default for the roles Super Administrator and Administrator.
MFA_REQUIRED_FOR_ADMINISTRATORS = env.flag("MFA_REQUIRED_FOR_ADMINISTRATORS", default=not DEBUG)
#: Sign-ins without a second factor that are allowed in a role which requires one.
MFA_GRACE_SIGN_INS = env.number("MFA_GRACE_SIGN_INS", default=3, between=(0, 1000))

RATE_LIMIT_ENABLED = env.flag("RATE_LIMIT_ENABLED", default=True)
LOGIN_WINDOW = f"{env.number('LOGIN_FAILURE_MINUTES', default=15, between=(1, 1440))} minutes"
LOGIN_FAILURES = env.number("LOGIN_FAILURES_PER_NAME", default=10, between=(1, 1000))
RATE_LIMITS = {
    "login_name": f"{LOGIN_FAILURES} per {LOGIN_WINDOW}",
    "login_day": f"{LOGIN_FAILURES} per day",  # each time that it is full, the window doubles
    "login_address": f"{env.number('LOGIN_FAILURES_PER_ADDRESS', default=50, between=(1, 10**6))} per {LOGIN_WINDOW}",
    "login_row": f"{env.number('LOGIN_FAILURES_IN_A_ROW', default=100, between=(1, 10**6))} per 30 days",
    "refused_login": "1 per 15 minutes",
    "token": f"{env.number('TOKEN_CALLS_PER_MINUTE', default=6000, between=(1, 10**9))} per minute",
    "reset_address": "20 per 15 minutes",
    "reset_account": "3 per 15 minutes",
    "email_change": "5 per hour",
    "password_proof": "10 per minute",
    "client_secret": "20 per 15 minutes",
    "test_mail": "10 per hour",
    "authorize": "120 per minute",  # codes that one session gets: a program that goes round in circles is stopped
    "device_request": "60 per 15 minutes",  # codes that devices of one application and network ask for
    "device_code": "20 per 15 minutes",  # looks at codes that devices show, of one person
}
KNOWN_DEVICE_LIFETIME = timedelta(days=env.number("KNOWN_DEVICE_DAYS", default=90, between=(0, 400)))

# Page sessions live in the `sessions` table; the signed cookie only names one.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_SERIALIZER = "accounts.sessions.page_sessions.EncryptedJSONSerializer"
#: Under TLS browsers take a cookie with this prefix from this host alone, not from a subdomain or sibling.
COOKIE_PREFIX = "__Host-" if SSL_REQUIRED else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}reprotech_session"
DEVICE_COOKIE_NAME = f"{COOKIE_PREFIX}reprotech_device"
# The longest: the session's row decides, not the cookie's age.
SESSION_COOKIE_AGE = int(max(REMEMBERED_SESSION_LIFETIME, PAGE_SESSION_LIFETIME).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Mail

EMAIL = env.email("EMAIL_URL", "consolemail://")
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = EMAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "Reprotech <reprotech@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
#: Whether administrators may set, and so know, passwords of others. Where mails arrive, links do instead.
ADMIN_SETS_PASSWORDS = env.flag(
    "ADMIN_SETS_PASSWORDS", default=DEBUG or EMAIL_BACKEND != "django.core.mail.backends.smtp.EmailBackend"
)

# Transport and browser

SECURE_SSL_REDIRECT = SSL_REQUIRED
SECURE_HSTS_SECONDS = 31_536_000 if SSL_REQUIRED else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SSL_REQUIRED
SECURE_HSTS_PRELOAD = SSL_REQUIRED
SECURE_REDIRECT_EXEMPT = [r"^api/health(/live|/ready)?/?$", r"^metrics/?$"]  # probes and scrapers speak plain HTTP
SESSION_COOKIE_SECURE = SSL_REQUIRED
CSRF_COOKIE_SECURE = SSL_REQUIRED
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}reprotech_csrf"
CSRF_FAILURE_VIEW = "reprotech.error_pages.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

#: Only our own files, nothing inline (OWASP ASVS 5.0, V3.4.3).
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

CORS_ALLOWED_ORIGINS = env.origins("CORS_ORIGINS")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = (*default_headers, "if-match", "x-reason")
CORS_EXPOSE_HEADERS = ["X-Request-ID", "Retry-After", "ETag", "Content-Disposition", "WWW-Authenticate", "Allow"]

#: Bytes of a request's body, and where more are allowed (a file of 5 MB and what surrounds it).
BODY_LIMIT = 1_048_576
BODY_LIMIT_OVERRIDES = {
    "/api/users/import": 5_500_000,
    "/users/import": 5_500_000,
    "/users/import/confirm": 5_500_000,
    "/users/import/columns": 5_500_000,
    "/users/import/update": 5_500_000,
    "/users/import/update/confirm": 5_500_000,
    "/users/import/errors": 5_500_000,
}
#: Django's own limit, the same for all paths: `RequestLimitsMiddleware` enforces the ones above.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(BODY_LIMIT_OVERRIDES.values())

# Static files

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
#: What `scripts/assets.py` builds from npm packages.
BUILD_DIR = BASE_DIR / "build"
#: With the pictures of the documents that the product shows.
STATICFILES_DIRS = [BASE_DIR / "static", BUILD_DIR / "static", ("docs", BASE_DIR / "docs" / "images")]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Fonts and pictures are compressed already. Maps of sources, which no page asks for, take longer than all else.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("gif", "jpeg", "jpg", "png", "webp", "woff", "woff2", "map")
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Language and time

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "reprotech.conf.formats"

# Logging

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = env.choice("LOG_FORMAT", "text" if DEBUG else "json", ("text", "json"))
LOG_DIR = Path(env.text("LOG_DIR", "logs"))
if not LOG_DIR.is_absolute():
    LOG_DIR = BASE_DIR / LOG_DIR

#: Whether lines go to a file too; standard output gets them always.
LOG_FILE = env.flag("LOG_FILE", default=True)
LOGGING = logging_config(
    level=LOG_LEVEL,
    form=LOG_FORMAT,
    file=LOG_DIR / "reprotech_auth.log" if LOG_FILE else None,
    megabytes=env.number("LOG_FILE_MB", default=10, between=(1, 100_000)),
    old_files=env.number("LOG_FILE_COUNT", default=10, between=(1, 1000)),
)
if env.inspecting:
    LOGGING = {}  # check_config writes nothing
elif LOG_FILE or not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):  # where the audit worker's lock is
    env.make_directory("LOG_DIR", LOG_DIR)
