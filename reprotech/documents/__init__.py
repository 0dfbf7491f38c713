"""The guides in `docs/`, as pages of the product."""
