"""Settings of DRF and drf-spectacular, in which an installation has no choice."""

from reprotech import __version__

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.api_authentication.BearerAuthentication",
        "accounts.authentication.api_authentication.PageSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.access.api_permissions.DeclaredPermission"],
    "DEFAULT_PARSER_CLASSES": ["reprotech.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "reprotech.api.parsers.JSONOnlyNegotiation",
    "DEFAULT_SCHEMA_CLASS": "reprotech.api.schema.ReprotechSchema",
    "EXCEPTION_HANDLER": "reprotech.api.exception_handler.exception_handler",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Reprotech",
    "DESCRIPTION": "Sign-in, users, roles and audit for laboratories.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api",
    "ENUM_NAME_OVERRIDES": {
        "DatabaseState": "reprotech.core.status.DATABASE_STATES",
        "CacheState": "reprotech.core.status.CACHE_STATES",
        "HealthState": "reprotech.monitoring.health.HEALTH_STATES",
        "UserStatus": "accounts.models.User.STATUSES",
        "SessionKind": "accounts.models.Session.Kind",
        "ApplicationKind": "sso.models.Application.Kind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "reprotech.api.schema.correct_bodies",
        "reprotech.api.schema.add_reasons",
        "reprotech.api.schema.add_errors",
    ],
    "APPEND_PATHS": {},
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],  # it describes the product and holds no data
}
