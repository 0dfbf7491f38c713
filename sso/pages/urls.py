from django.urls import path

from sso.pages import device_views, form_views, sign_out_views, views

urlpatterns = [
    path("applications", views.list_applications, name="applications"),
    path("applications/new", form_views.create_application, name="new_application"),
    path("applications/<int:application_id>", views.show_application, name="application"),
    path("applications/<int:application_id>/setup", views.show_setup, name="application_setup"),
    path("applications/<int:application_id>/sign-ins", views.show_sign_ins, name="application_sign_ins"),
    path("applications/<int:application_id>/permissions", views.show_permissions, name="application_permissions"),
    path("applications/<int:application_id>/activity", views.show_activity, name="application_activity"),
    path("applications/<int:application_id>/edit", form_views.edit_application, name="edit_application"),
    path("applications/<int:application_id>/secret", form_views.renew_secret, name="new_application_secret"),
    path(
        "applications/<int:application_id>/deactivate", form_views.deactivate_application, name="deactivate_application"
    ),
    path("applications/<int:application_id>/activate", form_views.activate_application, name="activate_application"),
    path("applications/<int:application_id>/delete", form_views.delete_application, name="delete_application"),
    path(
        "applications/<int:application_id>/sign-ins/<uuid:sign_in_id>/end",
        sign_out_views.sign_out_at_application,
        name="end_app_sign_in",
    ),
    path(
        "users/<int:user_id>/programs/<uuid:sign_in_id>/end", sign_out_views.sign_out_user, name="end_user_app_sign_in"
    ),
    path("profile/programs/<uuid:sign_in_id>/end", sign_out_views.sign_out_self, name="end_own_app_sign_in"),
    path("device", device_views.enter_code, name="device"),
    path("device/approve", device_views.approve, name="approve_device"),
    path("device/refuse", device_views.refuse, name="refuse_device"),
]
