"""Checkpoints that are sent out of reach: each arrives, no receiver holds up the others, and what left is believed."""

import os
import resource
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.anchoring import channels
from audit.anchoring.channels import (
    AnchorFailed,
    anchor,
    anchored_notes,
    anchoring_thread,
)
from audit.models import Action, Anchor, AuditLog, Checkpoint, Leaf, SigningKey
from audit.sealing import anchor_file
from audit.sealing.append_only_triggers import suspended
from audit.sealing.sealer import LedgerCorrupted, Sealer, latest_checkpoint
from audit.services import record
from reprotech.conf.env import Environment
from reprotech.core.message_ids import make_message_id

pytestmark = pytest.mark.django_db


def seal(count=1):
    for _ in range(count):
        record(actor=None, action=Action.LOGIN, resource="auth")
        Sealer().seal()


def notes():
    return [checkpoint.note for checkpoint in Checkpoint.objects.all()]


@pytest.fixture
def file(settings, tmp_path):
    settings.AUDIT_ANCHOR_FILE = tmp_path / "anchors"
    return settings.AUDIT_ANCHOR_FILE


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers as its server says."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers["Content-Type"], body.decode()))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 (the server's name for it)

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(settings):
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.received, server.status = [], 204
        settings.AUDIT_ANCHOR_URL = f"http://127.0.0.1:{server.server_port}/notes?token=abc"
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def stubborn_receiver(*, drips):
    """A server that accepts and never finishes an answer."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        client, _ = listener.accept()
        with client:
            while not ended.wait(0.02):
                if drips:
                    try:
                        client.sendall(b"x")
                    except OSError:
                        return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    ended.set()
    thread.join()
    listener.close()


def test_every_checkpoint_is_appended_to_the_file_once(file):
    seal()
    assert anchor("file") == latest_checkpoint().size
    seal(3)
    anchor("file")
    assert anchor("file") == 0
    assert list(anchored_notes()) == notes()
    assert len(notes()) == 4
    assert anchor_file.last_note(file) == notes()[-1]


def test_a_new_file_of_an_old_log_begins_with_the_present(file):
    seal(3)
    anchor("file")
    assert list(anchored_notes()) == notes()[-1:]


def test_a_file_that_is_gone_is_not_silently_begun_anew(file):
    seal()
    anchor("file")
    kept = file.rename(file.with_name("kept"))
    seal(2)
    with pytest.raises(AnchorFailed, match="is gone"):
        anchor("file")
    assert not file.exists()
    file.touch()
    anchor("file")
    assert [*anchor_file.read_notes(kept), *anchored_notes()] == notes()


def test_a_full_disk_leaves_no_half_note(file):
    seal(2)
    first, second = notes()
    anchor_file.append_notes(file, [first], create=True)
    whole = file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 40, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            anchor_file.append_notes(file, [second], create=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == whole
    anchor_file.append_notes(file, [second], create=False)
    assert list(anchor_file.read_notes(file)) == [first, second]


@pytest.mark.parametrize("lost", [1, 2, 30, 100, 200])
def test_a_note_that_could_not_be_taken_back_is_passed_over(file, lost):
    seal(2)
    first, second = notes()
    file.write_text(f"{first}\n{second}\n"[:-lost], encoding="utf-8")
    anchor_file.append_notes(file, [second], create=False)
    assert [note for note in anchor_file.read_notes(file) if note != second] == [first]
    assert anchor_file.last_note(file) == second


def test_the_end_of_a_large_file_is_enough(file):
    seal(2)
    anchor_file.append_notes(file, notes()[:1] * 1000, create=True)
    anchor_file.append_notes(file, notes()[1:], create=False)
    assert file.stat().st_size > 3 * anchor_file.MAX_NOTE_BYTES
    assert anchor_file.last_note(file) == notes()[1]
    assert len(list(anchor_file.read_notes(file))) == 1001


def test_what_is_no_file_is_refused_without_waiting(file, tmp_path):
    seal()
    os.mkfifo(file)
    for _ in range(2):
        with pytest.raises(AnchorFailed, match="no regular file"):
            anchor("file")
        with pytest.raises(OSError, match=r"no regular file|Is a directory"):
            anchor_file.append_notes(file, notes(), create=False)
        file.unlink(missing_ok=True) if file.is_fifo() else file.rmdir()
        file.mkdir()
    assert Anchor.objects.get().busy_until is None


def test_a_log_that_was_cut_is_found_out_by_the_file(file):
    seal(3)
    anchor("file")
    with suspended():
        lost = latest_checkpoint().size
        Checkpoint._base_manager.filter(size=lost).delete()
        event = Leaf.objects.get(position=lost - 1).event_id
        Leaf._base_manager.filter(position=lost - 1).delete()
        AuditLog._base_manager.filter(pk=event).delete()
    with pytest.raises(LedgerCorrupted, match="anchor file"):
        seal()
    with pytest.raises(LedgerCorrupted, match="anchor file"):
        anchor("file")
    file.unlink()
    Sealer().seal()  # nothing else shows it
    assert latest_checkpoint().size == lost
    file.touch()
    anchor("file")


def test_a_log_that_was_begun_anew_with_another_key_is_found_out_by_the_file(file, settings):
    seal()
    anchor("file")
    with suspended():
        for model in (Checkpoint, Leaf, SigningKey):
            model._base_manager.all().delete()
    settings.AUDIT_SIGNING_KEY = os.urandom(32)
    with pytest.raises(LedgerCorrupted, match="none of this log"):
        seal()


def test_sealing_goes_on_while_the_file_is_out_of_reach(file):
    file.mkdir()
    seal()
    assert latest_checkpoint()


def test_the_newest_checkpoint_is_posted_and_then_one_an_hour(receiver, settings):
    seal(2)
    size = anchor("url")
    assert receiver.received == [("/notes?token=abc", "text/plain; charset=utf-8", notes()[-1])]
    seal()
    assert anchor("url") == 0
    Anchor.objects.update(sent_at=timezone.now() - settings.AUDIT_ANCHOR_INTERVAL)
    assert anchor("url") > size
    assert [body for _, _, body in receiver.received] == notes()[1:]
    Anchor.objects.update(sent_at=timezone.now() - settings.AUDIT_ANCHOR_INTERVAL)
    assert anchor("url") == 0  # nothing new


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refusal_is_tried_again_and_a_redirect_not_followed(receiver, status):
    seal()
    receiver.status = status
    for _ in range(2):
        with pytest.raises(AnchorFailed, match=str(status)):
            anchor("url")
    receiver.status = 200
    assert anchor("url")
    assert [path for path, _, _ in receiver.received] == ["/notes?token=abc"] * 3


@pytest.mark.parametrize("drips", [False, True])
def test_a_receiver_that_hangs_or_drips_is_left_in_the_end(settings, monkeypatch, drips):
    monkeypatch.setattr(channels, "READ_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(channels, "RESPONSE_TIMEOUT_SECONDS", 0.5)
    seal()
    with stubborn_receiver(drips=drips) as url:
        settings.AUDIT_ANCHOR_URL = url
        with pytest.raises(AnchorFailed):
            anchor("url")
    assert Anchor.objects.get().busy_until is None


def test_two_processes_send_once_and_a_dead_one_is_replaced(receiver):
    seal()
    state = Anchor.objects.create(channel="url", busy_until=timezone.now() + channels.CLAIM_DURATION)
    assert anchor("url") == 0
    Anchor.objects.update(busy_until=timezone.now())
    assert anchor("url")
    state.refresh_from_db()
    assert (state.size, len(receiver.received)) == (latest_checkpoint().size, 1)


def test_checkpoints_are_mailed(settings):
    settings.AUDIT_ANCHOR_EMAIL = ["auditor@lab.example", "archive@lab.example"]
    seal()
    anchor("email")
    (message,) = mail.outbox
    assert (message.to, message.body) == (settings.AUDIT_ANCHOR_EMAIL, notes()[0])
    assert str(latest_checkpoint().size) in message.subject
    assert "@localhost" not in message.message()["Message-ID"]


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("Reprotech <reprotech@lab.example>", "lab.example"),
        ("Labor <post@zürich.example>", "xn--zrich-kva.example"),
        ("Reprotech <reprotech@localhost>", "auth.lab.example"),
    ],
)
def test_mails_are_named_under_our_domain(settings, sender, domain):
    settings.DEFAULT_FROM_EMAIL, settings.PUBLIC_URL = sender, "https://auth.lab.example"
    assert make_message_id().endswith(f"@{domain}>")


def test_an_outage_is_logged_once_and_so_is_its_end(receiver, caplog, monkeypatch):
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    seal()
    thread = anchoring_thread("url")
    for receiver.status in (500, 500, 404, 200, 200):
        thread.run_once()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "500" in caplog.records[0].message


def test_the_command_uses_every_way_although_one_fails(file, receiver, settings):
    settings.AUDIT_ANCHOR_EMAIL = ["auditor@lab.example"]
    seal()
    receiver.status = 500
    out = StringIO()
    with pytest.raises(CommandError, match=r"url: 127\.0\.0\.1 answered 500"):
        call_command("anchor_audit", stdout=out)
    assert "file: a checkpoint of" in out.getvalue()
    assert "email: a checkpoint of" in out.getvalue()
    assert list(anchored_notes()) == notes()
    assert len(mail.outbox) == 1
    receiver.status = 200
    out = StringIO()
    call_command("anchor_audit", stdout=out)
    assert "file: nothing new." in out.getvalue()
    assert "url: a checkpoint" in out.getvalue()


@pytest.mark.quick
def test_the_command_without_a_way_says_so():
    with pytest.raises(CommandError, match="AUDIT_ANCHOR_FILE"):
        call_command("anchor_audit")


@pytest.mark.parametrize(
    "url",
    [
        *("http://lab.example/", "ftp://lab.example/", "https://", "https://name:secret@lab.example/", "lab.example"),
        *("https://lab.example:99999/", "https://lab.example/a b", "https://lab.example/\r\nX: y", "http://[::1/"),
    ],
)
def test_a_web_address_must_be_safe(monkeypatch, tmp_path, url):
    monkeypatch.setenv("AUDIT_ANCHOR_URL", url)
    with pytest.raises(ImproperlyConfigured, match="AUDIT_ANCHOR_URL") as error:
        Environment(tmp_path / ".env").webhook("AUDIT_ANCHOR_URL")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("url", ["", "https://lab.example", "https://lab.example:8443/a?b=c", "http://127.0.0.1:1/x"])
def test_a_safe_web_address_is_taken(monkeypatch, tmp_path, url):
    monkeypatch.setenv("AUDIT_ANCHOR_URL", url)
    assert Environment(tmp_path / ".env").webhook("AUDIT_ANCHOR_URL") == url
