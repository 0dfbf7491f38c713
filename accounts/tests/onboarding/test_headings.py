"""Other programs' files: what their columns are called, and how their letters are stored."""

import pytest

from accounts.onboarding.headings import COLUMN_LABELS, count_guessed, guess_column, guess_mapping
from accounts.users.csv.choices import MAPPED_COLUMNS
from accounts.users.csv.table import decode
from reprotech.core.exceptions import ValidationFailed


def test_headings_of_many_languages_are_understood():
    headings = {
        "last_name": "Nachname|Apellido|Cognome|NOM|Achternaam|Nazwisko|Efternamn|Sobrenome|Фамилия|Příjmení|Sukunimi",
        "first_name": "Vorname|Nombre|Prénom|PRENOM|Voornaam|Imię|Förnamn|Etunimi|Имя|Keresztnév|given_name",
        "email": "E-Mail-Adresse|Email (work)|Courriel|Correo electrónico|E-mail (dienstlich)|Sähköposti|E-post",
        "starts_at": "Eintritt|Start date|Date d'entrée|Fecha de alta|Data di assunzione|Datum nástupu|Hire Date",
        "ends_at": "Austritt|End date|Date de fin|Fecha de baja|Uit dienst|Vertragsende",
        "roles": "Rolle|Funktion|Job title|Cargo|Stanowisko",
        "username": "Benutzername|Login|Kennung|Identifiant",
        "": "Personalnummer|Abteilung|Name|Kostenstelle|created_at|errors|",
    }
    wrong = {
        heading: (name, guess_column(heading))
        for name, spelled in headings.items()
        for heading in spelled.split("|")
        if guess_column(heading) != name
    }
    assert wrong == {}
    assert set(COLUMN_LABELS) == set(MAPPED_COLUMNS)


def test_two_headings_of_one_column_make_one_guess():
    assert guess_mapping(["Nachname", "Surname", "Team"]) == {"Nachname": "last_name", "Surname": "", "Team": ""}
    assert count_guessed(["Nachname", "Surname", "Team", "errors"]) == 3


@pytest.mark.parametrize(
    "text", ["Müller;Groß", "É. Çelik", "Peña — López", "O\N{RIGHT SINGLE QUOTATION MARK}Brien", "Ærø", "Schäfer-Müßig"]
)
def test_western_letters_are_read_where_a_person_sees_them(text):
    content = text.encode("cp1252")
    assert decode(content, is_shown=True) == text
    with pytest.raises(ValidationFailed):
        decode(content)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *(("Петров", "cp1251"), ("Łukasz", "cp1250"), ("Jürgen", "cp850"), ("Jürgen", "mac-roman"), ("Παπα", "cp1253")),
        *(("ü,é\n", "utf-16-le"), ("山田", "shift-jis")),
    ],
)
def test_other_encodings_are_refused_instead_of_read_wrongly(text, encoding):
    with pytest.raises(ValidationFailed) as refusal:
        decode(text.encode(encoding), is_shown=True)
    assert refusal.value.errors
