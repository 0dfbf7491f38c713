"""Texts put together for people."""


def humanize(name: str) -> str:
    """A resource's or an action's name for people: `lab_test` is "Lab test"."""
    return name.replace("_", " ").capitalize()
