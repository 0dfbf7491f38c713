"""The accounts' pages: each view parses, calls one thing and renders."""
