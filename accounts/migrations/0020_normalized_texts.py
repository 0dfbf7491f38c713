"""Bring names and e-mail addresses into their one form: NFC, and domains as DNS has them.

Only rows with something beyond ASCII are looked at. A row whose new form another row has already stays as it is, is
logged, and is for a person to decide.
"""

import logging
import unicodedata

import idna
from django.db import migrations
from django.db.models import Q
from django.db.models.functions import Lower

logger = logging.getLogger(__name__)

BATCH = 1000
NOT_ASCII = {
    "postgresql": "octet_length({column}) <> char_length({column})",
    "sqlite": "length(CAST({column} AS BLOB)) <> length({column})",
}
TEXTS = {"Role": ("name", "description"), "ApiKey": ("name",), "Passkey": ("name",), "EmailChange": ("address",)}


def normalize(apps, schema_editor):
    users = apps.get_model("accounts", "User")
    for user in changed(schema_editor, users, ("first_name", "last_name", "email")):
        new = {name: unicodedata.normalize("NFC", getattr(user, name)) for name in ("first_name", "last_name")}
        new["email"] = address(user.email)
        if user.deleted_at is None and new["email"] != user.email and is_taken(users, user, "email", new["email"]):
            logger.warning("User %s: another account has the same address in another form. Give one another.", user.pk)
            new["email"] = user.email
        store(users, user, {**new, "search_text": search_text(user.username, **new)})
    for model_name, columns in TEXTS.items():
        model = apps.get_model("accounts", model_name)
        for row in changed(schema_editor, model, columns):
            new = {name: unicodedata.normalize("NFC", getattr(row, name)) for name in columns if name != "address"}
            if "address" in columns:
                new["address"] = address(row.address)
            if model_name == "Role" and new["name"] != row.name and is_taken(model, row, "name", new["name"]):
                logger.warning("Role %s: another has the same name in another form. Rename one of them.", row.pk)
                new["name"] = row.name
            store(model, row, new)


def changed(schema_editor, model, columns):
    """Rows with something beyond ASCII, read by their ids, a batch at a time."""
    vendor, table = schema_editor.connection.vendor, schema_editor.quote_name(model._meta.db_table)
    key = schema_editor.quote_name(model._meta.pk.column)
    conditions = [
        NOT_ASCII[vendor].format(column=schema_editor.quote_name(model._meta.get_field(name).column))
        for name in columns
    ]
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT {key} FROM {table} WHERE {' OR '.join(conditions)} ORDER BY {key}")  # noqa: S608 (names of ours)  # nosec B608
        keys = [key for (key,) in cursor.fetchall()]
    for start in range(0, len(keys), BATCH):
        yield from model.objects.filter(pk__in=keys[start : start + BATCH])


def store(model, row, new):
    if different := {name: value for name, value in new.items() if getattr(row, name) != value}:
        model.objects.filter(pk=row.pk).update(**different)


def is_taken(model, row, column, value):
    others = model.objects.exclude(pk=row.pk)
    if column == "email":
        others = others.filter(deleted_at__isnull=True)
        named = Q(lowered=value.lower()) | Q(username_lowered=value.lower())
        return others.annotate(lowered=Lower(column), username_lowered=Lower("username")).filter(named).exists()
    return others.annotate(lowered=Lower(column)).filter(Q(**{column: value}) | Q(lowered=value.lower())).exists()


def address(typed):
    local, _, domain = typed.rpartition("@")
    try:
        encoded = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        logger.warning("No mail can be sent to the domain of %s: it has no form in DNS.", typed)
        return typed
    return f"{unicodedata.normalize('NFC', local)}@{encoded.removesuffix('.')}"


def fold(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def search_text(username, *, email, first_name, last_name):
    """As `accounts.models.users.searchable` writes it."""
    folded, domain = fold(email), email.rpartition("@")[2]
    if "xn--" in domain:
        folded += f" {fold(email[: -len(domain)] + idna.decode(domain))}"
    return "\n".join((fold(username), folded, f"{fold(first_name)} {fold(last_name)}"))


class Migration(migrations.Migration):
    """Nothing of it is taken back: the forms mean the same."""

    dependencies = [("accounts", "0019_former_usernames")]

    operations = [migrations.RunPython(normalize, migrations.RunPython.noop)]
