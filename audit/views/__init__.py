"""The audit log's pages: each view parses, calls one thing and renders."""
