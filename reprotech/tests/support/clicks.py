"""Counts what a job takes, by the events that the browser itself saw: no click can be forgotten."""

from contextlib import contextmanager

#: A press of the mouse; a key that sends, chooses or opens. Typing isn't counted, nor going on to the next field, and
#: neither is what a script makes of a click. The number outlives the page: a job goes over several.
COUNT = """
    {
      const add = () => {
        sessionStorage.setItem("clicks", Number(sessionStorage.getItem("clicks")) + 1);
      };
      const isText = (field) => field.matches?.("textarea, input:not([type=checkbox], [type=radio])");
      addEventListener("mousedown", (event) => event.isTrusted && add(), true);
      addEventListener("keydown", (event) => {
        const isModifier = ["Control", "Shift", "Alt", "Meta"].includes(event.key);
        const isTyped = isText(event.target) && (event.key.length === 1 || event.key === "Backspace");
        const isCommand = event.ctrlKey || event.metaKey || !(isTyped || event.key === "Tab");
        if (event.isTrusted && !isModifier && isCommand) {
          add();
        }
      }, true);
    }
"""


def count_clicks(page):
    """From the next page on that it opens."""
    page.add_init_script(COUNT)


def clicks_of(page):
    return int(page.evaluate("sessionStorage.getItem('clicks') ?? 0"))


@contextmanager
def at_most(page, number):
    """What is done within takes so many clicks at most, and one at least."""
    page.evaluate("sessionStorage.removeItem('clicks')")
    yield
    assert 1 <= clicks_of(page) <= number
