"""What each environment variable is called on the page, by group; `.env.example` has what it means."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from accounts.passwords.validators import HISTORY_LENGTH


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    label: str
    #: What no value and the number 0 mean.
    empty: str = "Not set"
    zero: str = ""
    #: Of a number, where the name doesn't end with it.
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """What the product fixes; `value` is in words or a span of time."""

    label: str
    value: Callable[[], str | timedelta]


@dataclass(frozen=True, slots=True)
class Group:
    slug: str
    title: str
    #: In `docs/`, without its ending.
    document: str
    entries: tuple[Variable | Constant, ...]


GROUPS = (
    Group(
        "sign-in",
        "Sign-in and passwords",
        "security",
        (
            Variable("PASSWORD_MIN_LENGTH", "Shortest password", unit="character"),
            Variable("PASSWORD_CHARACTER_CLASSES", "Upper case, lower case, digit and special character required"),
            Variable(
                "PASSWORD_CONTEXT_WORDS", "Words that no password may consist of", empty="Only the product's name"
            ),
            Constant("Earlier passwords that can't be used again", lambda: str(HISTORY_LENGTH)),
            Variable("PASSWORD_MAX_AGE_DAYS", "Passwords expire after", zero="Never"),
            Variable("GRANT_MAX_DAYS", "Roles are given for at most", zero="No limit"),
            Variable("LAB_TIME_ZONE", "Days are days in this time zone"),
            Variable("ADMIN_SETS_PASSWORDS", "Administrators may set passwords of others"),
            Constant("Invitation links work for", lambda: settings.INVITATION_LIFETIME),
            Constant("Password reset links work for", lambda: settings.RESET_LIFETIME),
            Variable("SUDO_MINUTES", "Password confirmed again after"),
            Variable("NEW_DEVICE_MAILS", "E-mail about sign-ins from new devices"),
            Variable("KNOWN_DEVICE_DAYS", "Known devices remembered for", zero="Never remembered"),
            Variable("ADMIN_PASSWORD", "Password of the first administrator"),
            Variable("ADMIN_EMAIL", "E-mail of the first administrator"),
        ),
    ),
    Group(
        "sessions",
        "Sessions and tokens",
        "security",
        (
            Variable("PAGE_SESSION_HOURS", "Longest browser session"),
            Variable("PAGE_IDLE_MINUTES", "Browser session ends when idle for"),
            Variable("REMEMBERED_SESSION_DAYS", "Longest session with “Keep me signed in”", zero="Not offered"),
            Variable("REMEMBERED_IDLE_DAYS", "The same, when idle for"),
            Variable("TOKEN_SESSION_DAYS", "Longest session of a script"),
            Variable("ACCESS_TOKEN_MINUTES", "Access tokens expire after"),
            Variable("REFRESH_TOKEN_DAYS", "Refresh tokens expire after"),
            Variable("SECRET_KEY", "Key of cookies and mailed links"),
            Variable("SECRET_KEY_FALLBACKS", "Earlier keys of cookies and mailed links"),
            Variable("JWT_SECRET_KEY", "Key of API tokens"),
            Variable("JWT_SECRET_KEY_FALLBACKS", "Earlier keys of API tokens"),
            Variable("JWT_SIGNING_KEY", "Private key of API tokens that lab modules verify"),
            Variable("JWT_SIGNING_KEY_FILE", "File of that private key"),
            Variable("JWT_PUBLIC_KEYS", "Further public keys of API tokens", empty="None"),
        ),
    ),
    Group(
        "two-factor",
        "Two-factor authentication",
        "second-factor",
        (
            Variable("MFA_REQUIRED_FOR_ADMINISTRATORS", "Required by default for administrators"),
            Variable("MFA_GRACE_SIGN_INS", "Sign-ins allowed without it", zero="None", unit="sign-in"),
        ),
    ),
    Group(
        "limits",
        "Limits",
        "security",
        (
            Variable("RATE_LIMIT_ENABLED", "Limits on sign-in attempts and API calls"),
            Variable("LOGIN_FAILURES_PER_NAME", "Failed sign-ins allowed for an account", unit="attempt"),
            Variable("LOGIN_FAILURES_PER_ADDRESS", "Failed sign-ins allowed from an IP address", unit="attempt"),
            Variable("LOGIN_FAILURE_MINUTES", "Counted within"),
            Variable("LOGIN_FAILURES_IN_A_ROW", "Failures in a row before only known devices get in", unit="attempt"),
            Variable("TOKEN_CALLS_PER_MINUTE", "API calls a minute with one token or key", unit="call"),
        ),
    ),
    Group(
        "mail",
        "E-mail",
        "deployment",
        (
            Variable("EMAIL_URL", "Mail server"),
            Variable("EMAIL_FROM", "Sender"),
        ),
    ),
    Group(
        "audit",
        "Audit log and retention",
        "audit",
        (
            Variable("REASON_REQUIRED_FOR", "Changes that need a reason", empty="None"),
            Variable("AUDIT_RETENTION_DAYS", "Events kept for at least", zero="For ever"),
            Variable("AUDIT_SEAL_SECONDS", "New events sealed every", zero="Not by the server"),
            Variable("AUDIT_VERIFY_HOURS", "Whole log verified every", zero="Not by the server"),
            Variable("AUDIT_SIGNING_KEY", "Private key of the log"),
            Variable("AUDIT_SIGNING_KEY_FILE", "File of that private key"),
            Variable("AUDIT_TRUSTED_KEYS", "Further trusted public keys", empty="None"),
        ),
    ),
    Group(
        "backups",
        "Backups and anchors",
        "backup",
        (
            Variable("BACKUP_DIR", "Directory of backups"),
            Variable("BACKUP_RECIPIENTS", "Public keys that open backups", empty="None: no backup can be made"),
            Variable("BACKUP_KEEP_DAYS", "Daily backups kept for", zero="None kept"),
            Variable("BACKUP_KEEP_WEEKS", "Weekly backups kept for", zero="None kept"),
            Variable("BACKUP_KEEP_MONTHS", "Monthly backups kept for", zero="None kept"),
            Variable("AUDIT_ANCHOR_FILE", "File that checkpoints are appended to"),
            Variable("AUDIT_ANCHOR_URL", "Address that checkpoints are sent to"),
            Variable("AUDIT_ANCHOR_EMAIL", "E-mail addresses that checkpoints are sent to"),
            Variable("AUDIT_ANCHOR_MINUTES", "Checkpoints sent every"),
        ),
    ),
    Group(
        "network",
        "Network and proxies",
        "deployment",
        (
            Variable("PUBLIC_URL", "Public address"),
            Variable("LAB_NAME", "Name of the laboratory", empty="None"),
            Variable("ALLOWED_HOSTS", "Host names that are answered"),
            Variable("SSL_REQUIRED", "HTTPS required"),
            Variable("TRUSTED_PROXIES", "Trusted proxies", empty="None"),
            Variable("FORWARDED_HEADERS", "Headers that proxies set"),
            Variable("CORS_ORIGINS", "Other origins that may call the API", empty="None"),
        ),
    ),
    Group(
        "service",
        "Service",
        "operations",
        (
            Variable("DEBUG", "Development mode"),
            Variable("DATABASE_URL", "Database"),
            Variable("DATABASE_DIRECT_URL", "Database of commands", empty="The same"),
            Variable("DATABASE_WEB_ROLE", "Database role of the server", empty="The one that runs migrations"),
            Variable("DATABASE_POOL_SIZE", "Database connections of a process", unit="connection"),
            Variable("THREADS", "Threads of a process", unit="thread"),
            Variable("REDIS_URL", "Shared cache", empty="None: each process has its own"),
            Variable("LOG_DIR", "Directory of logs"),
            Variable("LOG_LEVEL", "Lowest level that is logged"),
            Variable("LOG_FORMAT", "Format of logs"),
            Variable("LOG_FILE", "Logs go to a file too"),
            Variable("LOG_FILE_MB", "Size at which a log file is rotated", unit="megabyte"),
            Variable("LOG_FILE_COUNT", "Old log files kept", unit="file"),
            Variable(
                "METRICS_TOKEN", "Token of the metrics scraper", empty="Not set: only this machine may read metrics"
            ),
            Variable("OTEL_EXPORTER_OTLP_ENDPOINT", "Collector of traces", empty="None: no traces are made"),
            Variable("MAINTENANCE_FILE", "File that turns maintenance mode on"),
            Variable("BUILD_ID", "Build"),
            Variable("INSTANCE", "Name of this server"),
        ),
    ),
)

VARIABLES = tuple(entry for group in GROUPS for entry in group.entries if isinstance(entry, Variable))
