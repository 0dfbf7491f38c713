"""Users, roles, permissions and sessions."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import tracked_models
        from accounts.access.row_locks import BEFORE_CHANGES
        from accounts.access_periods.boundaries import record_passed
        from accounts.notifications import outbox
        from accounts.passwords import reset as password_reset
        from accounts.users.people_search import find_people
        from audit.event_query import AuditQuery

        AuditQuery.find_people = staticmethod(find_people)
        outbox.register_job(password_reset.process_next_request)
        tracked_models.track_all()
        BEFORE_CHANGES.append(record_passed)
