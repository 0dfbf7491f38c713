"""The columns that the list of users can be sorted by, as the page index has them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """A column that the list can be sorted by: PostgreSQL's expression and the type of its values.

    Keys are stored as `text`. `comparison` is the expression for a stored key by which it is compared with others.
    """

    expression: str
    type: str = "text"
    text: str = "{}::text"
    comparison: str = "{}"
    is_nullable: bool = False

    def key_of(self, row: str) -> str:
        """The expression for a row of the name `row`."""
        return self.expression.format(row)


@dataclass(frozen=True, slots=True)
class TimestampOrder(Order):
    """A column of timestamps, stored as text of the same order: to parse them would take longer."""

    type: str = "timestamptz"
    text: str = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US\"+00\"')"
    comparison: str = '{} COLLATE "C"'


ORDERS = {
    "id": Order("{}.id", "bigint", comparison="{}::bigint"),
    "username": Order("lower({}.username)"),
    "email": Order("lower({}.email)"),
    "first_name": Order("lower({}.first_name)"),
    "last_name": Order("lower({}.last_name)"),
    "is_active": Order("{}.is_active", "boolean"),
    "last_login": TimestampOrder("{}.last_login", is_nullable=True),
    "created_at": TimestampOrder("{}.created_at"),
    "updated_at": TimestampOrder("{}.updated_at"),
}
