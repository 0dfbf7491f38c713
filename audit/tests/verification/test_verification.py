"""What verifying reports about an intact log, about recorded maintenance, and to the operator."""

import pytest
from django.db import connection

from audit.crypto.sealed_row import actor_part, commitment, split_details, subject_part
from audit.crypto.signed_note import Signer, sign
from audit.models import AuditLog, Leaf
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import Sealer, latest_checkpoint
from audit.sealing.signing_keys import known_keys
from audit.tests.support.tampering import event_at, rows, write
from audit.tests.support.verifying import found, run, seal, upkeep
from audit.verification import runs as verification_runs
from audit.verification.findings import IntervalSet, Kind
from audit.verification.verifier import CannotVerify, Verification


def erase(event, *parts):
    """What erasing does to a row."""
    row = event.sealed_row()
    public, personal = split_details(row.details)
    changes = {
        "actor": {
            "actor_opening": commitment(row.actor_opening, actor_part(row)),
            "username": "",
            "user_agent": "",
            "ip_address": None,
        },
        "subject": {
            "subject_opening": commitment(row.subject_opening, subject_part(row, personal)),
            "resource_name": "",
            "details": public,
        },
    }
    with suspended():
        for part in parts:
            rows(AuditLog).filter(pk=event.pk).update(**changes[part])


def test_an_untouched_log_is_whole_sealed_or_not(db):
    assert found() == []
    seal(300)
    write(301)
    verification = Verification()
    assert list(verification.findings()) == []
    assert (verification.count, verification.unsealed) == (Leaf.objects.count(), 1)
    assert verification.until == latest_checkpoint().sealed_at


def test_erased_parts_need_an_event_that_names_them(db):
    both, actor_only, *_ = seal(10)
    erase(both, "actor", "subject")
    erase(actor_only, "actor")
    assert {(one.kind, one.events) for one in found()} == {
        (Kind.ERASED, (both.pk,)),
        (Kind.ERASED, (actor_only.pk,)),
    }
    upkeep("erase", actor_parts=[both.pk], subject_parts=[both.pk])
    assert [one.events for one in found()] == [(actor_only.pk,)]  # also before that event is sealed
    Sealer().seal()
    assert [one.events for one in found()] == [(actor_only.pk,)]
    upkeep("erase", actor_parts=[actor_only.pk], subject_parts=[])
    Sealer().seal()
    assert found() == []


REFILLED = {
    "actor": (("username", "mallory"), ("user_agent", "Mallory/1"), ("ip_address", "192.0.2.66")),
    "subject": (("resource_name", "Mallory"), ("details", "a personal detail"), ("details", "a personal change")),
}


@pytest.mark.parametrize(
    ("part", "column", "value"), [(part, *texts) for part, found in REFILLED.items() for texts in found]
)
def test_nothing_is_written_into_an_erased_part(db, part, column, value):
    event = seal(8)[6]
    erase(event, part)
    upkeep("erase", actor_parts=[event.pk], subject_parts=[event.pk])
    Sealer().seal()
    assert found() == []
    if column == "details":
        kept = AuditLog.objects.get(pk=event.pk).details
        assert kept["sent_to"] is None
        assert kept["changes"]["email"] is None
        change = {"changes": {**kept["changes"], "email": ["mallory@lab.example", None]}}
        value = {**kept, **({"sent_to": "mallory@lab.example"} if value == "a personal detail" else change)}
    with suspended():
        rows(AuditLog).filter(pk=event.pk).update(**{column: value})
    assert [(one.kind, one.events) for one in found()] == [(Kind.CHANGED, (event.pk,))]


def test_archived_events_need_an_event_that_names_their_places(db):
    seal(30)
    with suspended():
        gone = Leaf.objects.filter(position__range=(4, 14)).values("event_id")
        rows(AuditLog).filter(pk__in=gone).delete()
    assert {one.kind for one in found()} == {Kind.REMOVED}
    assert len(found()) == 11
    upkeep("archive", start=4, end=14)
    Sealer().seal()
    assert [(one.kind, one.start, one.end) for one in found()] == [(Kind.REMOVED, 14, 15)]
    upkeep("archive", start=14, end=15)
    assert found() == []


def test_upkeep_that_failed_explains_nothing(db):
    erased, *_ = seal(30)
    erase(erased, "actor")
    with suspended():
        rows(AuditLog).filter(pk=event_at(14)).delete()
    missing = found()
    assert {one.kind for one in missing} == {Kind.ERASED, Kind.REMOVED}
    upkeep("erase", actor_parts=[erased.pk], subject_parts=[], success=False)
    upkeep("archive", start=14, end=15, success=False)
    Sealer().seal()
    assert found() == missing


def test_upkeep_whose_code_fits_no_key_explains_nothing(db, settings):
    erased, *_ = seal(30)
    erase(erased, "actor")
    with suspended():
        rows(AuditLog).filter(pk=event_at(14)).delete()
    upkeep("erase", actor_parts=[erased.pk], subject_parts=[])
    upkeep("archive", start=14, end=15)
    Sealer().seal()
    assert found() == []
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another one"
    assert {one.kind for one in found()} == {Kind.ERASED, Kind.REMOVED, Kind.CODE}
    assert any("SECRET_KEY_FALLBACKS" in one.sentence for one in found())
    settings.SECRET_KEY_FALLBACKS = [old]
    assert found() == []


def test_an_event_of_upkeep_that_somebody_forged_explains_nothing(db):
    erased, other, *_ = seal(10)
    erase(erased, "actor")
    with suspended():
        rows(AuditLog).filter(pk=other.pk).update(action="erase", details={"actor_parts": [erased.pk]})
    assert {(one.kind, one.events) for one in found()} == {(Kind.ERASED, (erased.pk,)), (Kind.CHANGED, (other.pk,))}


def test_verifying_can_start_at_a_checkpoint(db):
    seal(300)
    size = latest_checkpoint().size
    newer = seal(5, start=301)
    with suspended():
        rows(AuditLog).filter(pk__in=[event_at(3), newer[0].pk]).update(username="mallory")
    assert [one.events for one in found(since=size)] == [(newer[0].pk,)]
    assert len(found()) == 2
    with pytest.raises(CannotVerify):
        found(since=size - 1)
    with suspended():
        Leaf._base_manager.filter(position=size - 1).update(hash=b"x" * 32)
    with pytest.raises(CannotVerify):
        found(since=size)


def test_codes_of_a_forgotten_secret_key_are_no_damage(db, settings):
    seal(5)
    settings.SECRET_KEY = "another one"
    seal(5, start=6)
    (warning,) = found()
    assert (warning.kind, warning.is_warning) == (Kind.CODE, True)
    assert "place" in warning.sentence
    list(verification_runs.record_run(Verification()))
    assert verification_runs.status().warnings == (warning.sentence,)


def test_a_note_that_was_kept_is_compared(db):
    seal(3)
    kept = latest_checkpoint().note
    seal(3)
    assert found(kept_notes=[kept]) == []
    foreign = sign(latest_checkpoint().text, [Signer(known_keys()[0].name, b"s" * 32)])
    assert [one.kind for one in found(kept_notes=[foreign])] == [Kind.KEY]


@pytest.mark.only_on("sqlite")
def test_a_value_that_no_event_can_hold_is_a_change(db):
    seal(20)
    event = event_at(7)
    with suspended(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_logs SET timestamp = 'noon', session_id = 'mine' WHERE id = %s", [event])
    assert [(one.kind, one.events) for one in found()] == [(Kind.CHANGED, (event,))]


@pytest.mark.only_on("postgresql")
def test_a_time_that_no_event_can_hold_is_a_change(db):
    seal(20)
    event = event_at(7)
    with suspended(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_logs SET timestamp = 'infinity' WHERE id = %s", [event])
    assert [(one.kind, one.events) for one in found()] == [(Kind.CHANGED, (event,))]


def test_the_command_says_how_it_is(db, settings, tmp_path):
    seal(5)
    key, kept = str(known_keys()[0]), tmp_path / "kept"
    kept.write_text(latest_checkpoint().note)
    count = Leaf.objects.count()
    sentence = (
        f"{count} events were verified up to {latest_checkpoint().sealed_at:%Y-%m-%d %H:%M:%S} UTC: none was changed"
    )
    code, text = run("--key", key, "--checkpoint", str(kept))
    assert (code, sentence in text) == (0, True)
    assert run("--quiet") == (0, "")
    write(9)
    assert run()[1].rstrip().endswith("1 newer event not sealed yet.")
    settings.AUDIT_SIGNING_KEY = None
    assert run()[0] == 2
    assert run("--key", "nonsense")[0] == 2
    assert run("--key", key, "--since", "2")[0] == 2
    assert run("--key", key, "--checkpoint", str(tmp_path / "none"))[0] == 2


def test_the_command_names_damage_line_by_line_and_then_counts(db):
    events = seal(150)
    with suspended():
        rows(AuditLog).filter(pk=events[3].pk).update(username="mallory")
    code, text = run()
    assert code == 1
    assert text.startswith(f"changed: The event {events[3].pk} ")
    assert text.endswith("The audit log is damaged: 1 finding.")
    with suspended():
        rows(AuditLog).filter(pk__in=[event.pk for event in events]).update(username="mallory")
    lines = run("--quiet")[1].splitlines()
    assert len(lines) == 102
    assert lines[-2:] == ["... and 50 more findings.", "The audit log is damaged: 150 findings."]


def test_verifying_takes_no_more_queries_for_more_events(db):
    seal(5)
    with connection.execute_wrapper(counter := Counter()):
        found()
    few = counter.count
    seal(295, start=6)
    counter.count = 0
    with connection.execute_wrapper(counter):
        found()
    assert counter.count == few + 1  # of the one node that there is now


class Counter:
    def __init__(self):
        self.count = 0

    def __call__(self, execute, *arguments):
        self.count += 1
        return execute(*arguments)


def test_places_are_kept_as_runs():
    places = IntervalSet()
    for place in (1, 2, 3, 7, 8, 20):
        places.add(place)
    assert (list(places), places.count) == ([(1, 4), (7, 9), (20, 21)], 6)
    places.remove(2, 8)
    assert (list(places), places.count) == ([(1, 2), (8, 9), (20, 21)], 3)
    places.remove(0, 100)
    assert list(places) == []
