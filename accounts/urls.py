from django.urls import path

from accounts.access_periods import views as period_views
from accounts.api_keys import views as api_key_views
from accounts.authentication import views as authentication_views
from accounts.exclusions import form_views as exclusion_form_views
from accounts.exclusions import views as exclusion_views
from accounts.mfa import views as mfa_views
from accounts.onboarding.columns import views as column_views
from accounts.onboarding.creating import views as creating_views
from accounts.onboarding.updating import views as updating_views
from accounts.passwords import views as password_views
from accounts.preferences import views as preference_views
from accounts.profile import views as profile_views
from accounts.reauthentication import views as reauthentication_views
from accounts.roles import permission_views
from accounts.roles import views as role_views
from accounts.user_list import saved_views
from accounts.user_page import role_views as role_change_views
from accounts.user_page import views as user_page_views
from accounts.users import action_views, bulk_views, role_users_views
from accounts.users import views as user_views
from accounts.users.csv import export_views
from accounts.users.invitations import views as invitation_views

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
    path("profile/email/confirm", profile_views.request_confirmation, name="request_email_confirmation"),
    path("profile/email/cancel", profile_views.cancel_email_change, name="cancel_email_change"),
    path("profile", profile_views.show_profile, name="profile"),
    path("profile/access", profile_views.show_own_access, name="own_access"),
    path("profile/sessions", profile_views.show_own_sessions, name="own_sessions"),
    path("profile/keys", profile_views.show_own_keys, name="own_keys"),
    path("users", user_views.list_users, name="users"),
    path("users/new", user_views.create_user, name="new_user"),
    path("users/new/username", user_views.propose_username, name="propose_username"),
    path("users/new/permissions", user_views.preview_new_user, name="preview_new_user"),
    path("users/edit/permissions", user_views.preview_user, name="preview_user"),
    path("users/views", saved_views.save_view, name="save_user_view"),
    path("users/views/<int:filter_id>/delete", saved_views.delete_view, name="delete_user_view"),
    path("users/columns", preference_views.choose_user_columns, name="user_columns"),
    path("users/export", export_views.export_all, name="export_users"),
    path("users/import", creating_views.upload, name="import_users"),
    path("users/import/template", creating_views.download_template, name="import_template"),
    path("users/import/errors", creating_views.download_wrong_rows, name="import_errors"),
    path("users/import/confirm", creating_views.confirm, name="confirm_import"),
    path("users/import/columns", column_views.choose, name="import_columns"),
    path("users/import/update", updating_views.upload, name="update_from_list"),
    path("users/import/update/confirm", updating_views.confirm, name="confirm_update"),
    path("users/selected/activate", bulk_views.activate, name="activate_users"),
    path("users/selected/deactivate", bulk_views.deactivate, name="deactivate_users"),
    path("users/selected/lock", bulk_views.lock, name="lock_users"),
    path("users/selected/unlock", bulk_views.unlock, name="unlock_users"),
    path("users/selected/sign-out", bulk_views.sign_out, name="sign_out_users"),
    path("users/selected/assign-role", bulk_views.assign_role, name="assign_role"),
    path("users/selected/remove-role", bulk_views.remove_role, name="remove_role"),
    path("users/selected/invite", invitation_views.resend_selected, name="resend_invitations"),
    path("users/selected/withdraw-invitation", invitation_views.withdraw_selected, name="withdraw_invitations"),
    path("users/selected/export", bulk_views.export_selected, name="export_selected_users"),
    path("users/<int:user_id>", user_page_views.show_user, name="user"),
    path("users/<int:user_id>/access", user_page_views.show_access, name="user_access"),
    path("users/<int:user_id>/sessions", user_page_views.show_sessions, name="user_sessions"),
    path("users/<int:user_id>/keys", user_page_views.show_keys, name="user_keys"),
    path("users/<int:user_id>/activity", user_page_views.show_activity, name="user_activity"),
    path("users/<int:user_id>/roles", role_change_views.change_roles, name="change_user_roles"),
    path("users/<int:user_id>/roles/review", role_change_views.review_roles, name="review_user_roles"),
    path("users/<int:user_id>/grants/new", period_views.give_role, name="give_role"),
    path("users/<int:user_id>/grants/<int:grant_id>", period_views.change_period, name="change_period"),
    path("users/<int:user_id>/grants/<int:grant_id>/remove", period_views.take_role, name="take_role"),
    path("users/<int:user_id>/edit", user_views.edit_user, name="edit_user"),
    path("users/<int:user_id>/reset-password", action_views.reset_password, name="reset_user_password"),
    path("users/<int:user_id>/invitation", invitation_views.resend, name="resend_invitation"),
    path("users/<int:user_id>/invitation/link", invitation_views.copy_link, name="copy_invitation"),
    path("users/<int:user_id>/invitation/withdraw", invitation_views.withdraw, name="withdraw_invitation"),
    path("users/<int:user_id>/reset-factors", action_views.reset_factors, name="reset_user_factors"),
    path("users/<int:user_id>/lock", action_views.lock, name="lock_user"),
    path("users/<int:user_id>/unlock", action_views.unlock, name="unlock_user"),
    path("users/<int:user_id>/activate", action_views.activate, name="activate_user"),
    path("users/<int:user_id>/deactivate", action_views.deactivate, name="deactivate_user"),
    path("users/<int:user_id>/delete", action_views.delete, name="delete_user"),
    path("users/<int:user_id>/sessions/end", action_views.sign_out_everywhere, name="end_user_sessions"),
    path("users/<int:user_id>/sessions/<uuid:session_id>/end", user_page_views.end_session, name="end_user_session"),
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
    path("roles/<int:role_id>/users/add", role_users_views.add_users, name="add_role_users"),
    path("roles/<int:role_id>/users/<int:user_id>/remove", role_users_views.remove_user, name="remove_role_user"),
    path("exclusions", exclusion_views.list_exclusions, name="exclusions"),
    path("exclusions/new", exclusion_form_views.create_exclusion, name="new_exclusion"),
    path("exclusions/violations", exclusion_views.list_violations, name="violations"),
    path("exclusions/<int:exclusion_id>", exclusion_views.show_exclusion, name="exclusion"),
    path("exclusions/<int:exclusion_id>/edit", exclusion_form_views.edit_exclusion, name="edit_exclusion"),
    path("exclusions/<int:exclusion_id>/delete", exclusion_form_views.delete_exclusion, name="delete_exclusion"),
    path("exclusions/<int:exclusion_id>/exceptions/new", exclusion_form_views.ask_for_exception, name="new_exception"),
    path(
        "exclusions/<int:exclusion_id>/exceptions/<int:exception_id>/approve",
        exclusion_form_views.approve_exception,
        name="approve_exception",
    ),
    path(
        "exclusions/<int:exclusion_id>/exceptions/<int:exception_id>/withdraw",
        exclusion_form_views.withdraw_exception,
        name="withdraw_exception",
    ),
    path("permissions", permission_views.list_permissions, name="permissions"),
    path("permissions/<str:name>", permission_views.show_permission, name="permission"),
    path("profile/time-zone", preference_views.choose_time_zone, name="time_zone"),
    path("profile/keys/new", api_key_views.create_own_key, name="new_own_key"),
    path("profile/keys/<uuid:key_id>/revoke", api_key_views.revoke_own_key, name="revoke_own_key"),
    path("profile/security", mfa_views.show_security, name="security"),
    path("profile/security/confirm", reauthentication_views.confirm_password, name="confirm_password"),
    path("profile/security/confirm/passkey", reauthentication_views.confirm_passkey, name="confirm_passkey"),
    path("profile/security/confirm/options", reauthentication_views.passkey_options, name="confirm_options"),
    path("profile/security/app", mfa_views.add_app, name="add_app"),
    path("profile/security/app/remove", mfa_views.remove_app, name="remove_app"),
    path("profile/security/passkeys/new", mfa_views.add_passkey, name="add_passkey"),
    path("profile/security/passkeys/options", mfa_views.passkey_options, name="registration_options"),
    path("profile/security/passkeys/<int:passkey_id>/remove", mfa_views.remove_passkey, name="remove_passkey"),
    path("profile/security/recovery-codes", mfa_views.renew_codes, name="renew_codes"),
    path("profile/sessions/end", profile_views.end_other_sessions, name="end_other_sessions"),
    path("profile/sessions/<uuid:session_id>/end", profile_views.end_own_session, name="end_own_session"),
]
