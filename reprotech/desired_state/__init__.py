"""Roles, exclusions, applications and reviews as one file says that they should be (`manage.py apply`)."""
