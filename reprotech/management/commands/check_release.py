"""`manage.py check_release`: whether this release can serve the database, before a server is started with it."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from reprotech.migration_history import known_migrations


class Command(BaseCommand):
    help = "Check the settings, then print as JSON which migrations the database lacks, and has from a newer release."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        self.check(include_deployment_checks=True)
        executor = MigrationExecutor(connection)
        targets = executor.loader.graph.leaf_nodes()
        missing = [(found.app_label, found.name) for found, _ in executor.migration_plan(targets)]
        unknown = sorted(set(executor.loader.applied_migrations) - known_migrations())
        names = {"missing": missing, "unknown": unknown}
        self.stdout.write(json.dumps({kind: [".".join(name) for name in found] for kind, found in names.items()}))
