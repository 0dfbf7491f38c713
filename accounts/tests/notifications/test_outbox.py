"""The outbox: a mail leaves once its change is committed, while nobody waits, and again when sending fails."""

import threading
from datetime import timedelta

import psycopg
import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import OutgoingMail
from accounts.notifications import outbox
from accounts.notifications.services import send_invitations, send_reset_link
from reprotech.testing.cast import make_user

pytestmark = pytest.mark.django_db(transaction=True)


class BrokenBackend(EmailBackend):
    """A mail server that refuses."""

    def send_messages(self, messages):
        raise OSError("connection refused by mail.lab.example")


class SlowBackend(EmailBackend):
    """A mail server that takes its time."""

    answers = threading.Event()

    def send_messages(self, messages):
        self.answers.wait(120)
        return super().send_messages(messages)


class FatefulBackend(EmailBackend):
    """A mail server that takes a mail just when PostgreSQL ends the connection of who sends it."""

    def send_messages(self, messages):
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        return super().send_messages(messages)


def backend(cls):
    return f"{__name__}.{cls.__name__}"


@pytest.fixture
def broken(settings):
    settings.EMAIL_BACKEND = backend(BrokenBackend)


@pytest.fixture
def user(cast):
    return make_user("newcomer", first_name="Ana <b>", last_name="Novák")


def make_due():
    OutgoingMail.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_mail_leaves_when_the_change_is_committed_and_not_before(user):
    with transaction.atomic():
        send_reset_link(user)
        assert mail.outbox == []
    assert [letter.to for letter in mail.outbox] == [[user.email]]
    assert not OutgoingMail.objects.exists()


def test_a_change_that_is_undone_mails_nobody(user):
    with transaction.atomic():
        send_reset_link(user)
        transaction.set_rollback(True)
    assert (mail.outbox, OutgoingMail.objects.count(), outbox.drain()) == ([], 0, 0)


def test_a_mail_is_text_and_html_that_say_the_same(user):
    send_reset_link(user)
    (letter,) = mail.outbox
    html = letter.alternatives[0].content
    assert "Hello Ana <b> Novák" in letter.body
    assert "Hello Ana &lt;b&gt; Novák" in html
    (link,) = [line for line in letter.body.splitlines() if line.startswith("http")]
    assert f'href="{link}"' in html
    assert ">Choose a new password</a>" in html
    assert letter.message()["Auto-Submitted"] == "auto-generated"
    assert "@localhost" not in letter.message()["Message-ID"]


def test_a_failed_mail_is_tried_again_later_and_then_leaves(user, broken, settings, caplog):
    send_reset_link(user)
    row = OutgoingMail.objects.get()
    assert (row.attempts, row.failed_at) == (1, None)
    assert "connection refused" in row.last_error
    assert "was not sent and is tried again" in caplog.text
    assert outbox.drain() == 0
    assert OutgoingMail.objects.get().attempts == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make_due()
    assert outbox.drain() == 1
    assert len(mail.outbox) == 1
    assert not OutgoingMail.objects.exists()


@pytest.mark.only_on("postgresql")
def test_a_mail_that_left_while_the_database_failed_leaves_no_second_time(user, broken, settings):
    send_reset_link(user)
    settings.EMAIL_BACKEND = backend(FatefulBackend)
    make_due()
    with pytest.raises(OperationalError):
        outbox.drain()
    connection.close()
    assert len(mail.outbox) == OutgoingMail.objects.count() == 1
    make_due()
    assert outbox.drain() == 0
    assert len(mail.outbox) == 1
    assert not OutgoingMail.objects.exists()


def test_attempts_become_rarer_and_end_when_the_mail_is_no_use_any_more(user, broken):
    send_reset_link(user)
    waits = []
    for _ in range(9):
        row = OutgoingMail.objects.get()
        waits.append(round((row.due_at - timezone.now()).total_seconds(), -1))  # some of it may have passed already
        make_due()
        outbox.drain()
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (pytest.approx(30, abs=10), pytest.approx(3600, abs=10))
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(hours=21))
    make_due()
    outbox.drain()
    row = OutgoingMail.objects.get()
    assert row.failed_at
    make_due()
    outbox.drain()
    assert OutgoingMail.objects.get().attempts == row.attempts


def test_one_mail_that_fails_does_not_hold_up_the_others(user, settings):
    other = make_user("other")
    send_invitations([user, other])
    mail.outbox.clear()
    OutgoingMail.objects.create(user=user, address="a@lab.example", letter="no-such-letter")
    OutgoingMail.objects.create(user=user, address="b@lab.example", letter="invitation")
    assert outbox.drain() == 1
    assert [letter.to for letter in mail.outbox] == [["b@lab.example"]]


def test_no_secret_waits_in_the_outbox(user, broken):
    send_reset_link(user)
    waiting = OutgoingMail.objects.get()
    stored = " ".join(str(value) for value in OutgoingMail.objects.values_list()[0])
    assert "set-password" not in stored
    assert waiting.context == {}


def test_nobody_who_was_deleted_meanwhile_gets_a_mail(user, broken, settings):
    send_reset_link(user)
    user.deleted_at = timezone.now()
    user.save()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make_due()
    outbox.drain()
    assert mail.outbox == []
    assert not OutgoingMail.objects.exists()


def test_a_process_that_died_while_it_sent_leaves_the_mail_to_another(user):
    with transaction.atomic():
        OutgoingMail.objects.create(user=user, address=user.email, letter="invitation")
    outbox._take()  # and then it dies
    assert outbox.drain() == 0
    OutgoingMail.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert outbox.drain() == 1


def test_several_processes_send_each_mail_once(cast, settings):
    rows = [OutgoingMail(user=cast.admin, address=f"{n}@lab.example", letter="invitation") for n in range(40)]
    OutgoingMail.objects.bulk_create(rows)

    def drain():
        outbox.drain()
        connection.close()

    senders = [threading.Thread(target=drain) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(letter.to[0] for letter in mail.outbox) == sorted(f"{n}@lab.example" for n in range(40))
    assert not OutgoingMail.objects.exists()


def test_what_another_thread_sends_meanwhile_is_not_forgotten(cast):
    mail_of = {"user": cast.admin, "address": cast.admin.email, "letter": "invitation"}
    OutgoingMail.objects.create(**mail_of)
    other = OutgoingMail.objects.create(**mail_of, due_at=timezone.now() + outbox.LEASE)  # in the other's hand

    def send_other(execute, sql, params, many, context):
        found = execute(sql, params, many, context)
        if sql.startswith("DELETE"):
            outbox._sent_not_deleted.add(other.pk)
        return found

    with connection.execute_wrapper(send_other):
        assert outbox.drain() == 1
    outbox.drain()
    assert not OutgoingMail.objects.exists()


def test_with_a_thread_nobody_waits_for_a_slow_mail_server(user, settings):
    settings.EMAIL_BACKEND = backend(SlowBackend)
    SlowBackend.answers.clear()
    outbox.start()
    try:
        send_reset_link(user)  # returns although nothing can have been sent
        assert mail.outbox == []
        SlowBackend.answers.set()
        for _ in range(1200):
            if not OutgoingMail.objects.exists():
                break
            threading.Event().wait(0.05)
        assert len(mail.outbox) == 1
    finally:
        outbox.stop()
