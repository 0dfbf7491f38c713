from django.urls import path

from analytics import views
from analytics.first_start import views as first_start_views

urlpatterns = [
    path("", views.show_home, name="home"),
    path("first-start/test-mail", first_start_views.send_test_mail, name="send_test_mail"),
    path("first-start/dismiss", first_start_views.dismiss, name="dismiss_checklist"),
]
