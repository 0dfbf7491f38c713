"""A mail server that takes every mail and notes whom it is for; it can hang, as an overloaded one does."""

import socket
import threading
from collections import Counter
from contextlib import suppress


class MailSink:
    """SMTP on a port of this machine, as far as Python's own client speaks it."""

    def __init__(self):
        self.received = Counter()  # by recipient
        self.is_hung = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        with suppress(OSError, UnicodeDecodeError), client, client.makefile("rwb") as lines:
            if self.is_hung:
                lines.read()  # and never a word, until the other side gives up
                return
            self._say(lines, "220 sink")
            recipients = []
            for line in lines:
                verb = line.decode().strip().upper()
                if verb.startswith("RCPT TO:"):
                    recipients.append(line.decode().partition("<")[2].partition(">")[0].lower())
                if verb == "DATA":
                    self._say(lines, "354 go on")
                    self._take_letter(lines)
                    self.received.update(recipients)
                    recipients = []
                self._say(lines, "221 bye" if verb == "QUIT" else "250 fine")

    def _take_letter(self, lines):
        for line in lines:
            if line == b".\r\n":
                return
        raise OSError("the letter has no end")

    def _say(self, lines, sentence):
        lines.write(f"{sentence}\r\n".encode())
        lines.flush()

    def close(self):
        """Listen no more."""
        self.listener.close()
