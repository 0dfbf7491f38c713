"""Names of the catalogue for people."""


def humanize(name: str) -> str:
    """A resource or an action: `lab_test` is "Lab test"."""
    return name.replace("_", " ").capitalize()
