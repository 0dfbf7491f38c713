"""Who could do what at any moment: a projection of the audit log, made by replaying its events."""

from django.apps import AppConfig


class AccessHistoryConfig(AppConfig):
    name = "access_history"
    verbose_name = "Access history"

    def ready(self) -> None:
        from access_history import housekeeping
        from access_history.erasure import forget_person
        from access_history.rebuilding.keeping import keep_history
        from accounts.users.erasure import ERASED_BY_OTHERS
        from audit.retention.archiving import KEPT_BY_OTHERS
        from audit.worker import THREADS_OF_OTHERS

        ERASED_BY_OTHERS.append(forget_person)
        KEPT_BY_OTHERS.append(keep_history)
        THREADS_OF_OTHERS.append(housekeeping.threads)
