"""Configuration on record: what a start changed in settings, version and packages is an event of the audit log."""
