"""A client of Django admin, and checks of its pages and audit events."""

from reprotech.testing.client import page_client

AGENT = "lab-browser/3"
ADDRESS = "203.0.113.9"


class AdminClient:
    """A Super Administrator's client of Django admin."""

    def __init__(self, user):
        self.user, self.client = user, page_client(user)

    def get(self, path, **data):
        return self._send("get", path, data)

    def post(self, path, **data):
        return self._send("post", path, data)

    def act(self, model, action, *records):
        """Run an action on selected records, confirmed."""
        chosen = {"action": action, "_selected_action": [record.pk for record in records], "post": "yes"}
        return self.post(f"accounts/{model}/", **chosen)

    def _send(self, method, path, data):
        call = getattr(self.client, method)
        return call(f"/admin/{path}", data, follow=True, REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=AGENT)


def errors_of(answer):
    form = answer.context["adminform"].form
    return {field: list(errors) for field, errors in form.errors.items()}


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def assert_recorded(row, action, target, resource="user"):
    assert (row.username, row.action, row.resource) == ("the-super_admin", action, resource)
    assert (row.resource_id, row.resource_name, row.success) == (str(target.pk), str(target), True)
    assert (row.ip_address, row.user_agent) == (ADDRESS, AGENT)
    assert row.request_id
