"""Reports: what they say, that the log bears them out, and that a bundle of their events proves itself offline."""

import csv
import io

import pytest

from audit.sealing.sealer import Sealer
from audit.tests.support.standalone_verifier import assert_proven, assert_refused, file_of, lines_of
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller, page_client
from reviews.decisions.services import decide_item
from reviews.models import ReviewItem
from reviews.tests.support.campaigns import item_about, make_review

pytestmark = pytest.mark.django_db


@pytest.fixture
def review(cast):
    made = make_review(cast)
    item = item_about(made, cast.viewer, "Viewer")
    decide_item(actor=cast.admin, review_id=made.pk, item_id=item.pk, decision="remove", reason="Left the laboratory")
    return made


def body_of(response):
    return b"".join(response.streaming_content)


def test_the_page_to_print_has_each_decision_with_its_event_and_is_on_record(cast, review):
    Sealer().seal()
    with audit_rows() as rows:
        page = page_client(cast.manager).get(f"/reviews/{review.pk}/report").content.decode()
    assert "Left the laboratory" in page
    assert "Every decision here is the last one that the audit log has." in page
    assert "Signed note" in page
    row = rows[-1]
    assert (row.action, row.resource, row.details["format"], row.details["rows"]) == ("export", "review", "html", 4)


def test_a_decision_that_was_altered_in_the_database_differs_from_the_log(cast, review):
    ReviewItem.objects.filter(user=cast.viewer).update(decision="keep")
    page = page_client(cast.manager).get(f"/reviews/{review.pk}/report").content.decode()
    assert "1 line differs from the audit log" in page
    ReviewItem.objects.filter(user=cast.viewer).update(decision="remove", decided_by=cast.super_admin)
    assert "Differs from the log" in page_client(cast.manager).get(f"/reviews/{review.pk}/report").content.decode()


def test_the_api_gives_page_and_csv(cast, review):
    caller = Caller(cast.manager)
    page = caller.get(f"/api/reviews/{review.pk}/report")
    assert page["Content-Type"].startswith("text/html")
    assert b"Left the laboratory" in page.content
    sheet = caller.get(f"/api/reviews/{review.pk}/report?format=csv")
    rows = list(csv.DictReader(io.StringIO(body_of(sheet).decode())))
    found = next(row for row in rows if row["user"] == "the-viewer")
    assert (found["decision"], found["outcome"], found["decided_by"]) == ("remove", "done", "the-admin")
    assert (found["reason"], found["matches_log"]) == ("Left the laboratory", "true")
    assert len(rows) == 4
    assert caller.get(f"/api/reviews/{review.pk}/report?format=pdf").status_code == 400


def test_a_bundle_proves_the_decisions_offline_and_names_what_was_altered(cast, review):
    Sealer().seal()
    content = body_of(Caller(cast.manager).get(f"/api/reviews/{review.pk}/report?format=bundle"))
    lines = lines_of(content)
    assert {line["event"]["action"] for line in lines[1:-1]} >= {"review_open", "review_decide"}
    assert_proven(content)
    altered = next(line for line in lines[1:-1] if line["event"]["action"] == "review_decide")
    altered["event"]["details"]["decision"] = "keep"
    assert_refused(file_of(lines))


def test_who_may_not_export_gets_no_report(cast, review):
    Caller(cast.super_admin).post("/api/roles", {"name": "Checker", "permissions": ["user_read", "role_read"]})
    checker = make_user("checker", "Checker")
    assert Caller(checker).get(f"/api/reviews/{review.pk}/report").status_code == 403
    assert page_client(checker).get(f"/reviews/{review.pk}/report").status_code == 403
    assert f"/reviews/{review.pk}/report" not in page_client(checker).get(f"/reviews/{review.pk}").content.decode()
