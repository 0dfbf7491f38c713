"""How Django writes dates where a page doesn't say it: Django admin."""
