"""The page of violations that was asked for, the same for the API and the pages."""

from typing import Any

from accounts.exclusions.violations import count_violators, find_violations, rules_of
from reprotech.web.estimated_counts import MAX_COUNTED
from reprotech.web.fields import IntegerParam
from reprotech.web.pagination import ListFilter, Page


class ViolationFilter(ListFilter):
    """Violations of all exclusions, or of one (its id)."""

    exclusion = IntegerParam()

    def page_of_violations(self) -> Page[Any]:
        """By exclusion, then by user; each exclusion's are counted, and shown, up to MAX_COUNTED."""
        wanted = self.value("exclusion")
        rules = rules_of(None if wanted is None else [wanted])
        counts = count_violators(rules)
        total = sum(min(count, MAX_COUNTED) for count in counts.values())
        is_exact = all(count <= MAX_COUNTED for count in counts.values())
        per_page = self.value("per_page")
        found = find_violations(rules, counts, self.first, per_page)
        return Page(found, total, self.value("page"), per_page, is_exact)
