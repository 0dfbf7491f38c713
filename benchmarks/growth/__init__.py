"""How our own answers change while tables grow; see `__main__`."""
