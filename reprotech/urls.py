"""The URL configuration of the project."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from accounts.sessions.api_views import JwksViewSet
from reprotech.documents.views import show_document
from reprotech.error_pages import unknown_path
from reprotech.monitoring.health import HealthViewSet
from reprotech.monitoring.metrics import metrics
from reprotech.navigation import choose_scheme
from reprotech.search import views as search_views
from reprotech.settings_page.api_views import SettingsViewSet
from reprotech.settings_page.views import show_settings
from reprotech.web.access import PUBLIC, SIGNED_IN, requires

handler400 = "reprotech.error_pages.bad_request"
handler403 = "reprotech.error_pages.permission_denied"
handler404 = "reprotech.error_pages.not_found"
handler500 = "reprotech.error_pages.server_error"

# Schema and docs describe the product and hold no data: public, as the source is.
schema = requires(PUBLIC)(SpectacularJSONAPIView.as_view())
docs = requires(PUBLIC)(SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="api_docs.html"))

urlpatterns = [
    # First, since URLs are tried in order and programs call these thousands of times.
    path("api/", include("accounts.api_urls")),
    path("api/", include("audit.api.urls")),
    path("api/", include("access_history.api_urls")),
    path("api/", include("sso.api_urls")),
    path("api/", include("reviews.api_urls")),
    path("api/", include("access_requests.api_urls")),
    path("api/", include("analytics.api.urls")),
    path("", include("analytics.urls")),
    path("", include("accounts.urls")),
    path("", include("access_history.urls")),
    path("", include("sso.urls")),
    path("", include("reviews.urls")),
    path("", include("access_requests.urls")),
    path("", include("audit.urls")),
    path("search", search_views.find, name="search"),
    path("settings", show_settings, name="settings"),
    path("api/settings", SettingsViewSet.as_view({"get": "list"})),
    path("docs", show_document, name="documents"),
    path("docs/<path:name>", show_document, name="document"),
    path("scheme", choose_scheme, name="scheme"),
    path(".well-known/jwks.json", JwksViewSet.as_view({"get": "jwks"})),
    # OPTIONS too: HAProxy's checks send it unless told otherwise.
    path("api/health", HealthViewSet.as_view({"get": "health", "options": "health"})),
    path("api/health/live", HealthViewSet.as_view({"get": "live", "options": "live"})),
    path("api/health/ready", HealthViewSet.as_view({"get": "ready", "options": "ready"})),
    path("api/schema", schema, name="schema"),
    path("api/docs", docs, name="docs"),
    path("metrics", metrics, name="metrics"),
    path("admin", requires(SIGNED_IN)(RedirectView.as_view(url="/admin/"))),
    path("admin/", admin.site.urls),
    # Last, so that DEBUG too answers with our errors and lists no URLs.
    re_path(r"", unknown_path),
]
