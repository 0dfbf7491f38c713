"""Every write: verb_noun, keyword-only, `actor` first. Each authorizes, validates, saves and records."""
