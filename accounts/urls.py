from django.urls import path

from accounts.api_keys import views as api_key_views
from accounts.authentication import views as authentication_views
from accounts.mfa import views as mfa_views
from accounts.passwords import views as password_views
from accounts.profile import views as profile_views
from accounts.roles import views as role_views
from accounts.users import action_views, bulk_views
from accounts.users import views as user_views
from accounts.users.csv import views as csv_views

urlpatterns = [
    path("login", authentication_views.login, name="login"),
    path("login/verify", authentication_views.verify, name="verify"),
    path("login/passkey", authentication_views.passkey, name="sign_in_with_passkey"),
    path("login/passkey/options", authentication_views.passkey_options, name="sign_in_options"),
    path("logout", authentication_views.logout, name="logout"),
    path("password", password_views.change_password, name="change_password"),
    path(".well-known/change-password", password_views.find_change_password),
    path("forgot-password", password_views.forgot_password, name="forgot_password"),
    path("forgot-password/sent", password_views.forgot_password_sent, name="forgot_password_sent"),
    path("set-password", password_views.set_password, name="set_password_form"),
    path("set-password/<str:user>/<str:link_token>", password_views.open_password_link, name="set_password"),
    path("confirm-email", profile_views.confirm_email, name="confirm_email"),
    path("confirm-email/<str:user>/<str:link_token>", profile_views.open_email_link, name="open_email_link"),
    path("profile/email", profile_views.change_email, name="change_email"),
    path("profile/email/cancel", profile_views.cancel_email_change, name="cancel_email_change"),
    path("profile", profile_views.show_profile, name="profile"),
    path("users", user_views.list_users, name="users"),
    path("users/new", user_views.create_user, name="new_user"),
    path("users/export", csv_views.export_all, name="export_users"),
    path("users/import", csv_views.upload, name="import_users"),
    path("users/import/confirm", csv_views.confirm, name="confirm_import"),
    path("users/selected/activate", bulk_views.activate, name="activate_users"),
    path("users/selected/deactivate", bulk_views.deactivate, name="deactivate_users"),
    path("users/selected/assign-role", bulk_views.assign_role, name="assign_role"),
    path("users/selected/remove-role", bulk_views.remove_role, name="remove_role"),
    path("users/selected/export", bulk_views.export_selected, name="export_selected_users"),
    path("users/<int:user_id>", user_views.show_user, name="user"),
    path("users/<int:user_id>/edit", user_views.edit_user, name="edit_user"),
    path("users/<int:user_id>/reset-password", action_views.reset_password, name="reset_user_password"),
    path("users/<int:user_id>/reset-factors", action_views.reset_factors, name="reset_user_factors"),
    path("users/<int:user_id>/lock", action_views.lock, name="lock_user"),
    path("users/<int:user_id>/unlock", action_views.unlock, name="unlock_user"),
    path("users/<int:user_id>/activate", action_views.activate, name="activate_user"),
    path("users/<int:user_id>/deactivate", action_views.deactivate, name="deactivate_user"),
    path("users/<int:user_id>/delete", action_views.delete, name="delete_user"),
    path("users/<int:user_id>/sessions/<uuid:session_id>/end", user_views.end_session, name="end_user_session"),
    path("users/<int:user_id>/keys/new", api_key_views.create_key, name="new_user_key"),
    path("users/<int:user_id>/keys/<uuid:key_id>/revoke", api_key_views.revoke_key, name="revoke_user_key"),
    path("roles", role_views.list_roles, name="roles"),
    path("roles/new", role_views.create_role, name="new_role"),
    path("roles/new/review", role_views.review_new_role, name="review_new_role"),
    path("roles/<int:role_id>", role_views.show_role, name="role"),
    path("roles/<int:role_id>/edit", role_views.edit_role, name="edit_role"),
    path("roles/<int:role_id>/edit/review", role_views.review_role, name="review_role"),
    path("roles/<int:role_id>/clone", role_views.clone_role, name="clone_role"),
    path("roles/<int:role_id>/delete", role_views.delete_role, name="delete_role"),
    path("permissions", role_views.list_permissions, name="permissions"),
    path("permissions/<slug:name>", role_views.show_permission, name="permission"),
    path("profile/keys/new", api_key_views.create_own_key, name="new_own_key"),
    path("profile/keys/<uuid:key_id>/revoke", api_key_views.revoke_own_key, name="revoke_own_key"),
    path("profile/security", mfa_views.show_security, name="security"),
    path("profile/security/confirm", mfa_views.confirm_password, name="confirm_password"),
    path("profile/security/app", mfa_views.add_app, name="add_app"),
    path("profile/security/app/remove", mfa_views.remove_app, name="remove_app"),
    path("profile/security/passkeys/new", mfa_views.add_passkey, name="add_passkey"),
    path("profile/security/passkeys/options", mfa_views.passkey_options, name="registration_options"),
    path("profile/security/passkeys/<int:passkey_id>/remove", mfa_views.remove_passkey, name="remove_passkey"),
    path("profile/security/recovery-codes", mfa_views.renew_codes, name="renew_codes"),
    path("profile/sessions/end", profile_views.end_other_sessions, name="end_other_sessions"),
    path("profile/sessions/<uuid:session_id>/end", profile_views.end_own_session, name="end_own_session"),
]
