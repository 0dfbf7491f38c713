from accounts.user_list.filters import UserQuery
from reprotech.web.fields import BooleanParam, ByteOrderMarkParam
from reprotech.web.query_params import QueryParams


class UserExport(UserQuery):
    bom = ByteOrderMarkParam()


class UserImportQuery(QueryParams):
    dry_run = BooleanParam(help_text="Check the file and change nothing.")
    ignore_unknown_columns = BooleanParam(
        help_text="Leave out columns that have no place here; the answer names them in `ignored_columns`."
    )
