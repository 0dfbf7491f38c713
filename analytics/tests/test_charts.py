"""What the dashboard's charts show, the sentences that say the same, and the lists behind their bars."""

from datetime import date, timedelta

import pytest

from accounts.permissions import USER_READ
from analytics.charts import (
    activity_summary,
    charts_of,
    growth_summary,
    periods_of,
    roles_of,
    roles_summary,
    statuses_of,
)
from audit.permissions import AUDIT_READ

ALL = {AUDIT_READ: True, USER_READ: True}
NOTHING = dict.fromkeys(ALL, False)


def day(date, **figures):
    return {"date": date, **figures}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (growth_summary([day("a", total=3, new=3)]), "From 0 to 3 users in a day; 3 joined."),
        (growth_summary([day("a", total=1, new=0), day("b", total=1, new=0)]), "1 user, as many as 2 days ago."),
        (activity_summary([day("a", success=0, failed=0)]), "Nobody signed in within a day."),
        (
            activity_summary([day("2026-11-09", success=2, failed=1), day("2026-11-10", success=1, failed=0)]),
            "3 successful and 1 failed in 2 days; most on 9 Nov 2026: 3.",
        ),
        (roles_summary({}), "Nobody holds a role yet."),
        (roles_summary({"A": 1, "B": 1200, "C": 0}), "Most hold B: 1,200; 1 role is not in use."),
    ],
)
def test_a_chart_has_a_sentence(said, expected):
    assert said == expected


def days_from(first, count):
    return [first + timedelta(days=n) for n in range(count)]


def figures_of(days):
    """One new user, two successes and one failure each day."""
    return {
        "user_growth": [day(d.isoformat(), total=n + 1, new=1) for n, d in enumerate(days)],
        "login_activity": [day(d.isoformat(), success=2, failed=1) for d in days],
        "users_by_role": {"Viewer": 0, "A & B": 3},
        "active_users": 90,
        "inactive_users": 10,
        "locked_users": 1,
    }


def test_each_day_has_a_bar_up_to_three_months():
    periods = periods_of(days_from(date(2026, 11, 1), 30))
    assert [period.label for period in periods[:2]] == ["1 Nov 2026", "2 Nov 2026"]
    assert len(periods) == 30


def test_from_ninety_days_on_a_bar_is_a_week_that_begins_on_monday():
    days = days_from(date(2026, 9, 2), 90)  # a Wednesday
    growth, activity = charts_of(figures_of(days), ALL)
    assert growth.is_weekly
    assert [period.label for period in growth.periods[:2]] == ["2 Sep to 6 Sep 2026", "7 Sep to 13 Sep 2026"]
    assert [one.values[:2] for one in growth.series] == [[5, 12], [5, 7]]
    assert [one.values[-1] for one in growth.series] == [90, 1]
    assert sum(activity.series[0].values) == 180
    assert growth.urls[1] == "/audit?action=create&resource=user&from=2026-09-07&to=2026-09-13"
    assert activity.urls[0] == "/audit?action=login&from=2026-09-02&to=2026-09-06"


def test_the_table_has_the_latest_first_and_the_same_links():
    growth, _ = charts_of(figures_of(days_from(date(2026, 11, 1), 7)), ALL)
    link = "/audit?action=create&resource=user&from=2026-11-07&to=2026-11-07"
    assert growth.rows[0] == ("7 Nov 2026", link, [7, 1])


def test_a_reader_who_may_not_open_a_list_gets_no_link():
    figures = figures_of(days_from(date(2026, 11, 1), 7))
    for chart in charts_of(figures, NOTHING):
        assert chart.for_script["urls"] == []
        assert {url for _, url, _ in chart.rows} == {""}
    assert {share.url for share in (*statuses_of(figures, NOTHING), *roles_of(figures, NOTHING))} == {""}


def test_a_part_is_as_wide_as_its_share_and_never_too_thin_to_see():
    shares = statuses_of(figures_of(days_from(date(2026, 11, 1), 1)), ALL)
    assert [(share.label, share.count, share.start, share.width) for share in shares] == [
        ("Active", 90, 0, 900),
        ("Inactive", 9, 900, 90),
        ("Locked", 1, 990, 10),
    ]
    rare = {"active_users": 100_000, "inactive_users": 1, "locked_users": 1}
    assert [share.width for share in statuses_of(rare, ALL)] == [1000, 0, 8]


def test_of_many_roles_those_of_most_users_are_shown():
    figures = figures_of(days_from(date(2026, 11, 1), 1))
    assert [(share.label, share.width) for share in roles_of(figures, ALL)] == [("Viewer", 0), ("A & B", 1000)]
    assert roles_of(figures, ALL)[1].url == "/users?role=A+%26+B"
    many = {**figures, "users_by_role": {f"Role {n}": n for n in range(40)}}
    assert [share.count for share in roles_of(many, ALL)] == list(range(39, 29, -1))
