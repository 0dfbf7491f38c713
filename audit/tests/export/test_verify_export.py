"""The standalone verifier: it proves what is genuine, and names what is not."""

import copy
import json

import pytest
from django.conf import settings

from audit.crypto.signed_note import Signer, sign
from audit.export.bundles import base64_text, prove_consistency
from audit.models import Checkpoint
from audit.sealing.key_rotation import rotate_key
from audit.sealing.sealer import Sealer, latest_checkpoint
from audit.sealing.signing_keys import known_keys
from audit.tests.support.sealed_log import archive, complete, erase, first_key, selection, write_events
from audit.tests.support.standalone_verifier import (
    CLAIMS,
    assert_proven,
    assert_refused,
    file_of,
    lines_of,
    mutations,
    verify,
)
from audit.tests.support.standalone_verifier import module as verifier
from reprotech.core.actors import System

pytestmark = pytest.mark.only_on("sqlite")  # the verifier has a file and no database


@pytest.fixture
def events(db):
    return write_events()


@pytest.fixture
def options(events):
    """How an auditor calls it who has the first key."""
    return ["--key", first_key()]


def test_a_complete_bundle_is_proven(events, options):
    size = latest_checkpoint().size
    output = assert_proven(complete(), *options)
    assert f"every event from place 0 to {size - 1}" in output
    assert f"PROVEN: {size} events are what was sealed, and none is missing among them." in output


@pytest.mark.slow
def test_every_range_of_places_is_proven(events, options):
    size = latest_checkpoint().size
    for start in range(size):
        for end in range(start + 1, size + 1, 1 + start % 3):
            assert_proven(complete(start, end), *options)


def test_a_selection_is_proven_but_not_that_it_is_all(events, options):
    content = selection(username__startswith="clerk")
    output = assert_proven(content, *options)
    assert "PROVEN: 8 events are what was sealed. That there are no others is not proven." in output
    assert_proven(selection(username="nobody"), *options)


def test_without_a_key_of_ones_own_it_says_that_nothing_is_proven(events):
    code, output = verify(complete())
    assert code == 0
    assert "NOT PROVEN: the key came with the file" in output
    assert "\nPROVEN" not in output


def test_a_file_of_somebody_elses_key_is_refused(events, options, settings):
    forged = lines_of(complete())
    signer = Signer(forged[0]["checkpoint"].split("\n")[0], b"f" * 32)
    text = forged[0]["keys"][0].rpartition("\n\n")[0].split("\n")
    text[2] = str(signer.verifier)
    forged[0]["keys"] = [sign("\n".join(text) + "\n", [signer])]
    forged[0]["checkpoint"] = sign(forged[0]["checkpoint"].rpartition("\n\n")[0] + "\n", [signer])
    assert verify(file_of(forged))[0] == 0  # it is consistent with itself
    assert_refused(file_of(forged), *options, names="the key that you gave is not one of this log's")


def test_every_key_of_the_chain_leads_to_those_after_it(events, options):
    old_note = complete()
    new = b"n" * 31 + b"!"
    with_both = []
    for seed in (new, b"m" * 32):
        key = rotate_key(actor=System(), new_seed=seed)
        settings.AUDIT_SIGNING_KEY = seed
        write_events(2)
        with_both.append(str(key))
    content = complete()
    for key in (options[1], *with_both):
        assert_proven(content, "--key", key)
    assert_refused(old_note, "--key", with_both[0], names="is not one of this log's")
    lines = lines_of(content)
    lines[0]["checkpoint"] = lines_of(old_note)[0]["checkpoint"]
    assert_refused(file_of(lines), "--key", with_both[1], names="none of the known keys signed it")
    lines = lines_of(content)
    vouched = lines[0]["keys"][1]
    lines[0]["keys"][1] = vouched[: vouched.rindex("\n", 0, -1) + 1]  # by the key before it, but not by itself
    assert_refused(file_of(lines), *options, names="is not its own")
    lines = lines_of(content)
    del lines[0]["keys"][1]
    assert_refused(file_of(lines), *options, "--key", with_both[1], names="does not belong after the one before it")


def test_a_lost_key_is_a_break_until_whoever_verifies_names_both(events, options, settings):
    settings.AUDIT_TRUSTED_KEYS = known_keys()
    settings.AUDIT_SIGNING_KEY = b"n" * 31 + b"!"
    new = str(rotate_key(actor=System(), new_seed=settings.AUDIT_SIGNING_KEY, old_key_is_lost=True))
    write_events(2)
    content = complete()
    assert_proven(content, *options, "--key", new)
    assert_refused(content, "--key", new, names=f"give --key {first_key()} too")
    assert_refused(content, *options, names=f"give --key {new} too")
    assert verify(content)[0] == 1


@pytest.fixture(autouse=True)
def keep_the_key(settings):
    """Tests that hand over leave the key as it was."""
    settings.AUDIT_SIGNING_KEY = settings.AUDIT_SIGNING_KEY


@pytest.mark.parametrize("make", [complete, selection])
def test_whatever_is_altered_in_an_event_is_noticed_and_the_event_named(events, options, make):
    erase(events[2])
    Sealer().seal()
    lines = lines_of(make())
    marked = [index for index, line in enumerate(lines[1:-1], 1) if line["event"]["id"] in {events[2].pk, events[5].pk}]
    assert len(marked) == 2
    for index in marked:
        for path, line in mutations(lines[index]):
            names = "" if path in {("event", "id"), ("event",)} else f"event {lines[index]['event']['id']}:"
            content = file_of([*lines[:index], line, *lines[index + 1 :]])
            output = assert_refused(content, *options, names=names)
            assert f"WRONG: line {index + 1}" in output, path


@pytest.mark.parametrize("make", [complete, selection])
def test_whatever_is_altered_in_the_first_line_is_noticed(events, options, make):
    lines = lines_of(make())
    for path, line in mutations(lines[0], skip=CLAIMS):
        code, output = verify(file_of([line, *lines[1:]]), *options)
        assert code == 1, (path, line, output)


@pytest.mark.parametrize("make", [complete, selection])
def test_lines_that_are_dropped_doubled_or_swapped_are_noticed(events, options, make):
    lines = lines_of(make())
    assert len(lines) > 9
    for index in range(1, len(lines) - 1):
        fewer = [*lines[:index], *lines[index + 1 :]]
        assert_refused(file_of(fewer), *options, names="does not count")
        if make is complete and index < len(lines) - 2:
            assert_refused(file_of(fewer), *options, names=f"line {index + 1}, event {fewer[index]['event']['id']}:")
        fewer[-1] = {"end": len(fewer) - 2}
        if make is complete:
            last = "the file ends before place" if index == len(lines) - 2 else "lines are missing, were added or moved"
            assert_refused(file_of(fewer), *options, names=last)
        doubled = [*lines[:index], lines[index], *lines[index:]]
        assert_refused(file_of(doubled), *options, names=f"line {index + 2}, event {lines[index]['event']['id']}:")
        if index < len(lines) - 2:
            swapped = [*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]]
            assert_refused(file_of(swapped), *options, names=f"event {lines[index]['event']['id']}:")


def test_an_event_whose_hash_was_made_to_fit_is_noticed(events, options):
    lines = lines_of(complete())
    lines[-3]["event"]["username"] = "somebody else"
    lines[-3]["leaf"] = base64_text(verifier.leaf_of(lines[-3]["event"]))
    assert_refused(file_of(lines), *options, names="the events are not those that were sealed")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"username":"clerk-3"', '"username":"anna","username":"clerk-3"'),
        ('"rows":3', '"rows":3.0'),
        ('"rows":3', '"rows":NaN'),
        ('"success":true', '"success":true,"approved":true'),
        ('"position":9,', '"position":9.0,'),
        ('"position":9,', '"position":true,'),
    ],
)
def test_what_parsers_could_read_in_two_ways_is_refused(events, options, old, new):
    content = complete().decode()
    assert old in content
    assert_refused(content.replace(old, new, 1).encode(), *options, names="WRONG: line ")


def test_a_file_that_was_cut_anywhere_is_noticed(events, options):
    content = complete(latest_checkpoint().size - 3)
    for length in range(0, len(content) - 1, 7):
        assert_refused(content[:length], *options)
    assert_refused(content[:-2], *options)
    assert_refused(content + b"{}\n", *options, names="follows the last one")


@pytest.mark.parametrize("make", [complete, selection])
def test_an_older_checkpoint_in_the_place_of_the_newest_is_noticed(events, options, make):
    lines = lines_of(make())
    for older in list(Checkpoint.objects.all())[:-1]:
        lines[0]["checkpoint"] = older.note
        assert_refused(file_of(lines), *options)


def test_what_was_erased_is_proven_where_the_file_tells_of_it(events, options):
    erase(events[2])
    Sealer().seal()
    assert "NOT PROVEN" not in assert_proven(complete(), *options)
    assert "clerk-2" not in complete().decode()
    output = assert_proven(selection(pk=events[2].pk), *options)
    assert f"NOT PROVEN IN THIS FILE: parts of events were erased, and no event says so ({events[2].pk})" in output


def test_an_erasure_that_nothing_tells_of_is_refused(events, options):
    erase(events[2], on_record=False)
    assert_refused(complete(), *options, names=f"no event says so ({events[2].pk}), and the file has all events")


def test_text_in_the_place_of_what_was_erased_is_refused(events, options):
    erase(events[2])
    Sealer().seal()
    lines = lines_of(complete())
    line = next(line for line in lines[1:-1] if line["event"]["id"] == events[2].pk)
    for name, words in (("username", "anna"), ("ip_address", "192.0.2.9"), ("resource_name", "x")):
        forged = copy.deepcopy(lines)
        forged[lines.index(line)]["event"][name] = words
        assert_refused(file_of(forged), *options, names="text that nothing proves")


def test_what_was_archived_is_proven_where_the_file_tells_of_it(events, options):
    size = latest_checkpoint().size
    archive(size - 8, size - 5, events[:3])
    Sealer().seal()
    assert "NOT PROVEN" not in assert_proven(complete(), *options)
    output = assert_proven(complete(0, size), *options)
    assert f"the events from place {size - 8} to {size - 6} are gone, and no event says so" in output


def test_events_that_are_gone_without_a_word_are_refused(events, options):
    size = latest_checkpoint().size
    archive(size - 8, size - 5, events[:4])  # one more than it says
    Sealer().seal()
    assert_refused(complete(), *options, names=f"the events from place {size - 5} to {size - 5} are gone")


@pytest.fixture
def kept(events, tmp_path):
    """Files with the checkpoints so far, by size."""
    files = {}
    for checkpoint in Checkpoint.objects.all():
        files[checkpoint.size] = tmp_path / f"{checkpoint.size}.txt"
        files[checkpoint.size].write_text(checkpoint.note)
    assert len(files) == 3
    return files


def consistency(path, old, new):
    """A file as the API answers."""
    path.write_text(json.dumps(prove_consistency(old, new)))
    return path


def test_a_kept_checkpoint_is_found_again_in_a_complete_bundle(kept, options):
    write_events(3)
    for size, file in kept.items():
        output = assert_proven(complete(), *options, "--checkpoint", file)
        assert f"The log still begins with the {size} events" in output


def test_a_kept_checkpoint_that_nothing_links_is_not_passed_over(kept, options):
    size, file = next(iter(kept.items()))
    for content in (complete(size), selection()):
        assert_refused(content, *options, "--checkpoint", file, names=f"checkpoint of {size} events to this file")


def test_a_consistency_proof_links_a_kept_checkpoint_to_any_bundle(kept, options, tmp_path):
    newest = latest_checkpoint().size
    old, *_ = kept
    link = consistency(tmp_path / "link.json", old, newest)
    assert_proven(selection(pk__gt=3), *options, "--checkpoint", kept[old], "--consistency", link)
    bundle = selection(pk__gt=3)
    write_events(3)
    newer = tmp_path / "newer.txt"
    newer.write_text(latest_checkpoint().note)
    link = consistency(tmp_path / "link.json", newest, latest_checkpoint().size)
    assert_proven(bundle, *options, "--checkpoint", newer, "--consistency", link)
    answer = json.loads(link.read_text())
    link.write_text(json.dumps(answer | {"proof": answer["proof"][::-1]}))
    assert_refused(bundle, *options, "--checkpoint", newer, "--consistency", link, names="does not hold")


def test_a_log_that_was_written_anew_with_the_same_key_does_not_fit_a_kept_checkpoint(kept, options, settings):
    size = list(kept)[1]
    signer = Signer(latest_checkpoint().statement.origin, settings.AUDIT_SIGNING_KEY)
    text = kept[size].read_text().rpartition("\n\n")[0] + "\n"
    root = text.split("\n")[2]
    kept[size].write_text(sign(text.replace(root, "A" + root[1:] if root[0] != "A" else "B" + root[1:]), [signer]))
    assert_refused(complete(), *options, "--checkpoint", kept[size], names="the log does not begin with")
