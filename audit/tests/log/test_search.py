"""Search in events, and everything about one user."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from accounts.access.authorization import SYSTEM
from accounts.users import services as user_services
from audit import filters
from audit.filters import AuditFilter
from audit.models import Action, AuditLog, querysets
from audit.models.search import split_words
from audit.services import record
from reprotech.testing.cast import make_user, pages_waiting
from reprotech.web import estimated_counts


@pytest.fixture
def events(db):
    """Named by what distinguishes them."""

    def make(name, **fields):
        return record(actor=None, action=Action.UPDATE, resource="user", resource_name=name, **fields).pk

    return {
        "Björn": make("björn.novák3", changes={"email": ("old@lab.example", "bjorn@lab.example")}),
        "reason": make("jana", success=False, reason="The current password was wrong."),
        "percent": make("100%_sure", note="Ångström's \\ backslash"),
    }


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("björn", ["Björn"]),
        ("novák3", ["Björn"]),
        ("NOVÁK" if connection.vendor == "postgresql" else "nov", ["Björn"]),
        ("old@lab", ["Björn"]),
        ("email old", ["Björn"]),
        ("current wrong", ["reason"]),
        ("CURR", ["reason"]),
        ("current björn", []),
        ("100", ["percent"]),
        ("%", ["percent"] if connection.vendor == "sqlite" else []),
        ("Ångström", ["percent"]),
        ("nothing-like-it", []),
        ("' & | ! ( ) :* <-> \\", []),
    ],
)
def test_events_are_found_by_words_of_their_names_and_details(events, typed, found):
    rows = AuditLog.objects.filter(pk__in=events.values()).mentioning(typed)
    assert sorted(row.pk for row in rows) == sorted(events[name] for name in found)


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize(
    "typed",
    [
        "often bj",
        "BJÖRN often",
        "often björn",
        "often björn☃nov",
        "often nov☃ák",
        "often, 'old@lab'",
        "often zyzzyva",
        "old bjorn email often",
    ],
)
def test_among_the_few_with_a_rare_word_are_all_that_have_the_others(events, typed):
    for name in ("björn", "often björn", "björn☃novák", "bj", "nov☃ák3", "novák", "old@lab.example bjorn email"):
        record(actor=None, action=Action.UPDATE, resource="user", resource_name=name, note="oftenest")
    AuditLog.objects.bulk_create(
        AuditLog(action=Action.UPDATE, resource="user", details={"note": "often"}, username="x") for _ in range(50)
    )
    expected = set(AuditLog.objects.mentioning(typed).values_list("pk", flat=True))
    assert len(split_words(typed)) > 1
    for rarest in split_words(typed):
        assert set(AuditLog.objects.rare_ids(typed, rarest)) == expected
    assert bool(expected) == ("zyzzyva" not in typed)


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("parallel", [0, 1_000])
def test_the_rarest_of_several_words_is_looked_for(events, monkeypatch, parallel):
    # Of fewer than a hundred frequent words PostgreSQL draws no conclusions.
    AuditLog.objects.bulk_create(
        AuditLog(
            action=Action.UPDATE, resource="user", details={"note": f"often page word{number % 200}"}, username="x"
        )
        for number in range(2_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_logs")
        for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            cursor.execute(f"SET LOCAL {setting} = {parallel}")

    def rarest(typed):
        query = AuditFilter.parse(QueryDict(f"search={typed}"))
        assert not query.page_of(AuditLog.objects.all()).items
        return query._rarest

    assert rarest("often+zyzzyva") == rarest("zyzzyva+page") == rarest("page+often+zyzzyva") == "zyzzyva"
    assert rarest("zyzzyva") is None
    monkeypatch.setattr(filters, "MAX_RARE_ROWS", 500)
    assert rarest("often+zyzzyva") == "zyzzyva"
    monkeypatch.setattr(filters, "MAX_RARE_ROWS", 0)
    assert rarest("often+zyzzyva") is None


@pytest.mark.parametrize("few", [0, 1_000])
def test_a_search_for_several_words_has_its_pages(super_admin, monkeypatch, few):
    monkeypatch.setattr(querysets, "MAX_RARE_MATCHES", few)
    ids = [
        record(actor=None, action=Action.UPDATE, resource="user", note="often seldom" if number % 2 else "often").pk
        for number in range(10)
    ]
    pages = [super_admin.get(f"/api/audit?search=often+seldom&per_page=2&page={page}").json() for page in (1, 2, 3, 4)]
    assert [event["id"] for page in pages for event in page["logs"]] == ids[:0:-2]
    assert {page["total"] for page in pages} == {5}
    with CaptureQueriesContext(connection) as queries:
        super_admin.get("/api/audit?search=often+seldom")
    # What is expected, what is found, and a page of it; where there are too many, they are found in the usual way.
    assert connection.vendor == "sqlite" or len(queries) == (3 if few else 4)
    body = super_admin.get("/api/audit?search=often+seldom&action=create").json()
    assert (body["logs"], body["total"]) == ([], 0)


def test_every_page_of_a_search_has_the_events_that_follow(super_admin):
    ids = [
        record(actor=None, action=Action.UPDATE, resource="user", note="often" if number % 2 else "seldom").pk
        for number in range(20)
    ]
    pages = [super_admin.get(f"/api/audit?search=often&per_page=3&page={page}").json() for page in range(1, 6)]
    assert [event["id"] for page in pages for event in page["logs"]] == ids[:0:-2]
    assert {page["total"] for page in pages} == {10}


@pytest.mark.only_on("postgresql")
def test_a_search_reads_an_index_and_not_the_log(events):
    query = AuditLog.objects.mentioning("björn current").order_by()  # a log of a few rows is read by its order
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "audit_words" in query.explain()


@pytest.mark.only_on("postgresql")
def test_few_pages_wait_to_be_sorted_into_the_index_of_words(db):
    AuditLog.objects.bulk_create(
        AuditLog(action=Action.UPDATE, resource="user", details={"note": f"word{number}"}, username=f"user{number}")
        for number in range(10_000)
    )
    assert pages_waiting("audit_words") <= 512 / 8


def test_everything_about_a_user_is_what_they_did_and_what_was_done_to_them(cast):
    user, other = make_user("clerk"), make_user("other")
    user_services.update_user(actor=cast.super_admin, user_id=user.pk, roles=["admin"])
    user.refresh_from_db()
    user_services.lock_user(actor=user, user_id=other.pk)
    user_services.unlock_user(actor=SYSTEM, user_id=other.pk)
    rows = AuditLog.objects.involving(user.pk).newest_first()
    assert [(row.username, row.action, row.resource_name) for row in rows] == [
        ("clerk", "lock", "other"),
        ("the-super_admin", "role_assign", "clerk"),
        ("system", "create", "clerk"),
    ]


def refuse_counting(execute, sql, params, many, context):
    assert "COUNT(" not in sql, sql
    return execute(sql, params, many, context)


@pytest.mark.only_on("postgresql")
def test_a_frequent_word_is_known_without_counting(super_admin, monkeypatch):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 5)
    # PostgreSQL judges beginnings of words only where it knows a hundred different ones.
    for number in range(120):
        note = "frequent" if number % 2 else f"seldom{number} again{number}"
        record(actor=None, action=Action.UPDATE, resource="user", note=note)
    record(actor=None, action=Action.UPDATE, resource="user", note="rare")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_logs")
    with connection.execute_wrapper(refuse_counting):
        found = super_admin.get("/api/audit?search=freq&per_page=4").json()
    assert (len(found["logs"]), found["total"], found["total_is_exact"]) == (4, 5, False)
    # Later pages still lead to the end, and rare words are counted.
    assert super_admin.get("/api/audit?search=freq&per_page=4&page=15").json()["total"] == 60
    assert super_admin.get("/api/audit?search=rare").json()["total"] == 1
    # PostgreSQL knows how frequent a word is, not which words go together with what else.
    assert super_admin.get("/api/audit?search=frequent&resource=role").json()["total"] == 0


@pytest.mark.only_on("postgresql")
def test_kinds_of_events_that_go_together_are_known_without_counting(super_admin, monkeypatch):
    monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 5)
    for number in range(100):
        is_login = number % 2 == 0
        action, resource = (Action.LOGIN, "auth") if is_login else (Action.UPDATE, "user")
        record(actor=None, action=action, resource=resource, success=not is_login)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_logs")
    with connection.execute_wrapper(refuse_counting):
        found = super_admin.get("/api/audit?action=login&outcome=failure&per_page=4").json()
    assert (len(found["logs"]), found["total"], found["total_is_exact"]) == (4, 5, False)
    # As frequent by themselves, and never together.
    assert super_admin.get("/api/audit?action=update&resource=auth").json()["total"] == 0


@pytest.mark.only_on("postgresql")
def test_what_an_index_has_in_order_is_not_sorted(super_admin):
    for number in range(30):
        record(actor=None, action=Action.LOCK if number % 2 else Action.UNLOCK, resource="user")
    with CaptureQueriesContext(connection) as queries:
        found = super_admin.get("/api/audit?action=lock&per_page=4&page=2").json()
    ids = AuditLog.objects.filter(action="lock").newest_first().values_list("pk", flat=True)
    assert [event["id"] for event in found["logs"]] == list(ids[4:8])
    assert found["total"] == 15
    assert not [query["sql"] for query in queries if "ORDER BY (SELECT" in query["sql"]]


@pytest.mark.only_on("postgresql")
def test_a_rare_word_beside_a_frequent_kind_is_looked_for_alone(super_admin):
    names = ["often"] * 300 + ["emeka"] * 3
    made = [AuditLog(username=name, action="login", resource="auth", details={}) for name in names]
    AuditLog.objects.bulk_create([*made, AuditLog(username="emeka", action="logout", resource="auth", details={})])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_logs")
    with CaptureQueriesContext(connection) as queries:
        found = super_admin.get("/api/audit?search=signed in emeka").json()
    assert (found["total"], {event["action"] for event in found["logs"]}) == (3, {"login"})
    (search,) = [sql for query in queries if "@@" in (sql := query["sql"]) and not sql.startswith("EXPLAIN")]
    assert '"audit_logs"."action" IN' not in search, "an index of all sign-ins could be read for it"
    assert super_admin.get("/api/audit?search=signed in often").json()["total"] == 300
