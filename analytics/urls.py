from django.urls import path

from analytics import views

urlpatterns = [path("", views.show_home, name="home")]
