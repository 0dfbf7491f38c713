"""What an export or import of users can be asked for."""

from accounts.user_list.filters import UserQuery
from reprotech.web.fields import ByteOrderMarkField, YesNoField
from reprotech.web.query_params import Query


class UserExport(UserQuery):
    """Users as a file."""

    bom = ByteOrderMarkField()


class UserImportQuery(Query):
    """How to import users."""

    dry_run = YesNoField(help_text="Check the file and change nothing.")
    ignore_unknown_columns = YesNoField(
        help_text="Leave out columns that have no place here; the answer names them in `ignored_columns`."
    )
