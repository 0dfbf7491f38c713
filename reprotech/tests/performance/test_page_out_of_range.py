"""Pages so far on that no database can count to them: they are empty, however many rows the filters let through."""

import pytest

from reprotech.web import estimated_counts

FAR = ["92233720368547758", "999999999999999999"]
LISTS = ["users", "users?search=the-", "users?search=th", "users?status=active", "users?search=the-&role=viewer"]
LISTS += ["users?sort=-username", "audit-logs", "audit-logs?search=user", "audit-logs?action=create"]


@pytest.mark.parametrize("most", [0, estimated_counts.MAX_COUNTED], ids=["of many", "of few"])
@pytest.mark.parametrize("page", FAR)
@pytest.mark.parametrize("path", LISTS)
def test_a_page_beyond_all_numbers_is_empty(super_admin, monkeypatch, path, page, most):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", most)
    answer = super_admin.get(f"/api/{path}{'&' if '?' in path else '?'}page={page}&per_page=100")
    assert answer.status_code == 200
    assert answer.json()["users" if path.startswith("users") else "logs"] == []
