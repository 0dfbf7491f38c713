"""The bundle of an access answer: `scripts/verify-export` makes the same table of it, offline."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.utils import timezone

from access_history.projection.catch_up import catch_up
from access_history.questions import bundles
from access_history.questions.answers import all_rows
from access_history.questions.bundles import start_bundle
from access_history.questions.files import COLUMNS, cells
from access_history.questions.filters import AccessQuery
from access_history.tests.support.moving_clock import MovingClock
from access_history.tests.support.story import HOUR, Story, text
from accounts.access.authorization import SYSTEM
from accounts.access_periods.services import grant_role
from accounts.roles.services import create_role
from audit.capture import settlement
from audit.crypto.signed_note import Signer
from audit.export import signed_answers
from audit.models import AuditLog
from audit.sealing.sealer import Sealer
from audit.sealing.signing_keys import SigningKeyError
from audit.tests.support.sealed_log import archive, complete, first_key
from audit.tests.support.standalone_verifier import assert_proven, assert_refused, file_of, lines_of, mutations, verify
from reprotech.core.exceptions import Forbidden
from reprotech.testing.client import Caller, page_client
from reprotech.web.streaming import csv_lines


@pytest.fixture
def story(cast, monkeypatch):
    monkeypatch.setattr(settlement, "MAX_TIME_DIFFERENCE", timedelta(days=36_500))
    return Story(MovingClock(monkeypatch, timezone.now()), cast)


def question(**asked):
    typed = QueryDict(mutable=True)
    typed.update(asked)
    return AccessQuery.parse(typed)


def bundle_of(story, **asked):
    _, bundle = start_bundle(actor=story.boss, query=question(**asked))
    return "".join(bundle.lines()).encode()


def table_of(**asked):
    """The CSV of the server's answer."""
    catch_up()
    rows = all_rows(question(**asked).question())
    return "".join(csv_lines([COLUMNS, *map(cells, rows)], with_bom=False)).encode()


def offline(content, moment, tmp_path, *options):
    path = tmp_path / "table.csv"
    path.unlink(missing_ok=True)
    code, output = verify(content, "--key", first_key(), "--access-at", moment, "--csv", path, *options)
    return code, output, path.read_bytes() if path.exists() else None


def test_the_same_table_to_the_byte(story, tmp_path):
    whole = complete()
    for name, moment in story.at.items():
        at = text(moment)
        table = table_of(at=at)
        assert offline(whole, at, tmp_path)[2] == table, name
        content = bundle_of(story, at=at)
        assert_proven(content, "--key", first_key())  # a verifier that knows nothing of access, too
        code, output, found = offline(content, at, tmp_path)
        assert (code, found) == (0, table), (name, output)
        assert "NOT PROVEN: that no other event about them was left out." in output


def test_the_questions_filters_come_in_words_that_events_know(story, tmp_path):
    at = text(story.at["permitted"])
    for asked, options in (
        ({"role": "registrar"}, ("--role", "Clerk")),
        ({"user": "ADA", "status": "active"}, ("--user", str(story.ada.pk), "--status", "active")),
        ({"permission": "sample_update"}, ("--permission", "sample_update")),
        ({"role": "super_admin"}, ("--role", "Super Administrator")),
    ):
        content = bundle_of(story, at=at, **asked)
        claimed = lines_of(content)[0]["filters"]["access"]
        words = [
            word
            for name in ("user", "role", "permission", "status")
            if name in claimed
            for word in (f"--{name}", claimed[name])
        ]
        assert tuple(words) == options
        code, output, table = offline(content, at, tmp_path, *options)
        assert (code, table) == (0, table_of(at=at, **asked)), output
        assert claimed["rows"] == table.count(b"\r\n") - 1


def test_it_holds_what_the_rows_rest_on_and_nothing_about_others(story):
    content = bundle_of(story, at=text(story.at["permitted"]), user="ada")
    events = [line["event"] for line in lines_of(content)[1:-1]]
    assert {(event["resource_id"]) for event in events if event["resource"] == "user"} == {str(story.ada.pk)}
    # What she became later is nobody's question.
    assert "lock" not in {event["action"] for event in events}
    held = {event["id"] for event in events}
    rows = list(all_rows(question(at=text(story.at["permitted"]), user="ada").question()))
    assert {number for row in rows for number in row.events} <= held


ASKED = {"user": "ada", "role": "registrar", "permission": "sample_update", "status": "active"}
IN_WORDS = ("--user", "ada", "--role", "Clerk", "--permission", "sample_update", "--status", "active")


@pytest.mark.parametrize("name", ["at", "on"])
def test_whatever_is_altered_in_the_first_line_is_noticed(story, name):
    when = {"at": text(story.at["permitted"]), "on": f"{story.at['permitted']:%Y-%m-%d}"}[name]
    content = bundle_of(story, **{name: when}, **ASKED)
    assert_proven(content, "--key", first_key())
    header, *_, last = lines_of(content)
    claimed = header["filters"]["access"]
    assert claimed.keys() == {name, *ASKED, "until", "rows", "sha256", "leaves", "signed"}
    answers = [{**claimed, "at": when, "on": when}, {**claimed, "rows": claimed["rows"] + 0.0}]
    answers += [{key: claimed[key] for key in claimed if key != gone} for gone in claimed]
    lines = [line for _, line in mutations(header)]
    lines += [{**header, "filters": {"access": answer}} for answer in answers]
    lines += [{**header, "filters": {"acces": claimed}}, {**header, "filters": {"access": claimed, "user": "ada"}}]
    for line in lines:
        # The first line by itself is refused, whatever follows.
        _, output = verify(file_of([line, last]), "--key", first_key())
        complaint = output.partition("WRONG: ")[2]
        assert complaint.startswith(("the first line: ", "the file, or what was given with it,")), (line, output)


def test_an_altered_question_is_not_passed_over(story, tmp_path):
    at = text(story.at["permitted"])
    lines = lines_of(bundle_of(story, at=at, user="ada"))
    lines[0]["filters"]["access"]["at"] = text(story.at["created"])
    code, output, table = offline(file_of(lines), at, tmp_path)
    assert (code, table) == (1, None)
    assert "WRONG: the first line: it is not what the server signed: the question, the answer or something" in output


def test_the_table_is_compared_with_the_answer_whatever_names_ask_for_it(story, tmp_path, monkeypatch):
    at = text(story.at["permitted"])
    content = bundle_of(story, at=at, **ASKED)
    assert lines_of(content)[0]["filters"]["access"]["role"] == "Clerk"
    for options in (IN_WORDS, ("--user", str(story.ada.pk), "--role", "REGISTRAR", *IN_WORDS[4:])):
        code, output, _ = offline(content, at, tmp_path, *options)
        assert code == 0, output
        assert "The server's answer in the file is the same table." in output
    code, output, _ = offline(content, at, tmp_path, "--user", "ada")
    assert code == 0, output
    assert f"NOT COMPARED with the server's answer in a file, which is to another question: at {at}, user" in output
    monkeypatch.setattr(signed_answers, "current_signer", lambda: Signer(first_key().partition("+")[0], b"7" * 32))
    code, output, table = offline(bundle_of(story, at=at), at, tmp_path)
    assert (code, table) == (1, None)
    assert "the first line: none of the known keys signed it" in output


@pytest.mark.parametrize("name", ["rows", "sha256"])
def test_an_answer_that_the_events_do_not_bear_out(story, tmp_path, monkeypatch, name):
    at = text(story.at["locked"])
    right = bundles.describe

    def wrong(*given):
        return {**right(*given), name: {"rows": 1, "sha256": "0" * 64}[name]}

    monkeypatch.setattr(bundles, "describe", wrong)
    code, output, table = offline(bundle_of(story, at=at), at, tmp_path)
    assert (code, table) == (1, None)
    assert "WRONG: the table is not the one that the server gave when it made the file." in output


@pytest.mark.parametrize("name", ["at", "on"])
def test_an_event_that_is_left_out_is_missed(story, name):
    when = {"at": text(story.at["locked"]), "on": f"{story.at['locked']:%Y-%m-%d}"}[name]
    lines = lines_of(bundle_of(story, **{name: when}))
    del lines[5]
    lines[-1] = {"end": len(lines) - 2}
    assert_refused(file_of(lines), "--key", first_key(), names="the events are not those that the server put below")


def test_without_the_signing_key_it_says_so(story, settings):
    settings.AUDIT_SIGNING_KEY = None
    with pytest.raises(SigningKeyError, match="AUDIT_SIGNING_KEY is not set"):
        bundle_of(story, at=text(story.at["locked"]))
    assert not AuditLog.objects.filter(action="export", resource="access").exists()


def test_another_moment_than_the_question_asks(story, tmp_path):
    content = bundle_of(story, at=text(story.at["renamed"]))
    code, output, _ = offline(content, text(story.at["locked"]), tmp_path)
    assert code == 2
    assert f"what these files hold ends at {text(story.at['renamed'])}" in output
    code, _, table = offline(content, text(story.at["created"]), tmp_path, "--user", "ada")
    assert (code, table) == (0, table_of(at=text(story.at["created"]), user="ada"))


def test_a_day(story, tmp_path):
    day = f"{story.at['created']:%Y-%m-%d}"
    content = bundle_of(story, on=day, user="ada")
    assert lines_of(content)[0]["filters"]["access"]["on"] == day
    code, output, table = offline(content, text(story.at["created"]), tmp_path, "--user", "ada")
    assert (code, table) == (0, table_of(at=text(story.at["created"]), user="ada")), output


def test_what_is_not_sealed_yet_is_said(story, tmp_path):
    story.clock.move(HOUR)
    grant_role(actor=story.boss, user_id=story.boss.pk, role="Viewer")
    at = text(story.clock.now)
    content = bundle_of(story, at=at)
    assert lines_of(content)[0]["unsealed"] >= 1
    code, output, _ = offline(content, at, tmp_path)
    assert code == 0, output
    assert "it rested on events that were not sealed yet" in output


def test_after_an_erasure_and_an_archive(story, tmp_path):
    at = text(story.at["permitted"])
    end = next(line["position"] for line in lines_of(complete())[1:] if line["event"]["id"] == story.ids("lock")[0].pk)
    gone = [line["event"]["id"] for line in lines_of(complete(0, end))[1:-1]]
    (tmp_path / "archive.jsonl").write_bytes(complete(0, end))
    catch_up()
    archive(0, end, list(AuditLog.objects.filter(pk__in=gone)))
    Sealer().seal()
    code, output, table = offline(bundle_of(story, at=at), at, tmp_path, tmp_path / "archive.jsonl")
    assert (code, table) == (0, table_of(at=at)), output


def test_it_is_an_export_of_events(story, cast):
    with pytest.raises(Forbidden):
        start_bundle(actor=cast.viewer, query=question(at=text(story.at["locked"])))
    bundle_of(story, at=text(story.at["locked"]))
    event = AuditLog.objects.filter(action="export", resource="access").newest_first().first()
    assert (event.details["format"], event.username) == ("bundle", "the-super_admin")
    assert event.details["filters"] == {"at": text(story.at["locked"])}


def test_by_the_api_and_from_the_page(story, super_admin, tmp_path):
    at = text(story.at["permitted"])
    for client, url in ((super_admin, "/api/access"), (page_client(story.boss), "/access")):
        given = {"at": at, "user": "ada", "format": "bundle"}
        response = client.get(f"{url}?{urlencode(given)}")
        assert response["Content-Disposition"] == f'attachment; filename="access-{at[:10]}.jsonl"'
        content = b"".join(response.streaming_content)
        code, output, table = offline(content, at, tmp_path, "--user", str(story.ada.pk))
        assert (code, table) == (0, table_of(at=at, user="ada")), output
    assert super_admin.get(f"/api/access?{urlencode({**given, 'page': 2})}").status_code == 400


def test_who_may_not_export_events_is_refused_and_sees_no_link(story, cast):
    create_role(actor=SYSTEM, name="Reader", permissions=["audit_read", "user_read"])
    grant_role(actor=SYSTEM, user_id=cast.stranger.pk, role="Reader")
    asked = urlencode({"at": text(story.at["permitted"]), "format": "bundle"})
    response = Caller(cast.stranger).get(f"/api/access?{asked}")
    assert (response.status_code, response.json()["required"]) == (403, "audit_export")
    client = page_client(cast.stranger)
    assert client.get(f"/access?{asked}").status_code == 403
    assert "format=bundle" not in client.get("/access").content.decode()
    assert "format=bundle" in page_client(story.boss).get("/access").content.decode()
    assert not AuditLog.objects.filter(action="export", resource="access").exists()
