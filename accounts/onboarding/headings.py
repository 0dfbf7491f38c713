"""What the columns of other programs' files are called, in the languages of our users."""

from collections.abc import Iterable
from itertools import islice

from accounts.users.csv.choices import MAPPED_COLUMNS
from accounts.users.csv.columns import COLUMN_BY_HEADING, MAX_COLUMNS, STATUS_COLUMN, normalize_heading

#: What a column can be, in the words of the page; the names are those of an import.
COLUMN_LABELS = {
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "username": "Username",
    "roles": "Roles",
    "starts_at": "First day",
    "ends_at": "Last day",
    "is_active": "Active (yes or no)",
    STATUS_COLUMN: "Status",
    "password": "Password",
}
#: Besides those that an import knows without asking. None that means another column to others, such as "Name".
SPELLINGS = {
    "username": "user id|login name|benutzerkennung|kennung|compte|nome de usuário|nome de utilizador|nome do usuário|"
    "login użytkownika|uživatelské jméno|uživatel|användarnamn|brugernavn|brukernavn|käyttäjätunnus|felhasználónév|"
    "имя пользователя|логин|ім'я користувача",
    "email": "work e-mail|e-mail work|business e-mail|company e-mail|e-mail address work|dienstliche e-mail|"
    "e-mail dienstlich|e-mail geschäftlich|geschäftliche e-mail|e-mail privat|adresse électronique|mél|"
    "e-mail professionnel|dirección de correo|dirección de correo electrónico|posta elettronica|"
    "indirizzo di posta elettronica|endereço de e-mail|correio eletrônico|correio eletrónico|e-mailadres werk|"
    "adres poczty elektronicznej|poczta elektroniczna|e-mailová adresa|e-postadress|e-post|mejladress|"
    "sähköposti|sähköpostiosoite|email cím|электронная почта|эл почта|електронна пошта",
    "first_name": "first names|forenames|given names|vornamen|prénoms|nombres|nome proprio|primeiro nome|voornamen|"
    "roepnaam|imiona|křestní jméno|jméno|förnamn|tilltalsnamn|fornavn|etunimi|keresztnév|utónév|имя|ім'я",
    "last_name": "last names|surnames|family names|zuname|nom|nom de naissance|nom d'usage|primer apellido|sobrenome|"
    "apelido|último nome|familienaam|nazwiska|příjmení|efternamn|familjenamn|etternavn|sukunimi|vezetéknév|családnév|"
    "фамилия|прізвище",
    "roles": "job title|job|position|function|job role|user role|stelle|tätigkeit|funktion|stellenbezeichnung|"
    "rôle|rôles|fonction|poste|puesto|cargo|función|mansione|qualifica|função|functie|functietitel|stanowisko|"
    "role uživatele|pozice|funkce|pracovní pozice|befattning|roll|stilling|tehtävä|beosztás|роль|должность|посада",
    "starts_at": "start date|start|starts|starts on|start on|first day|entry date|joining date|date of joining|"
    "hire date|date hired|hired on|valid from|employment start|eintritt|eintrittsdatum|eintritt am|beginn|"
    "arbeitsbeginn|startdatum|gültig ab|date de début|date d'entrée|date d'embauche|début|entrée|fecha de inicio|"
    "fecha de alta|inicio|fecha de ingreso|data di inizio|data inizio|inizio|data di assunzione|data de início|"
    "data de admissão|início|data de entrada|begindatum|in dienst|datum in dienst|indiensttreding|data rozpoczęcia|"
    "data zatrudnienia|początek|datum nástupu|nástup|začátek|startdag|anställningsdatum|startdato|tiltrædelsesdato|"
    "oppstartsdato|aloituspäivä|kezdés dátuma|belépés dátuma|дата начала|дата приёма|дата початку",
    "ends_at": "end date|end|ends|ends on|last day|leaving date|exit date|termination date|date of leaving|"
    "valid until|valid to|contract end|end of contract|employment end|austritt|austrittsdatum|austritt am|ende|"
    "enddatum|vertragsende|gültig bis|befristet bis|date de fin|date de sortie|date de départ|fin|fin de contrat|"
    "fecha de fin|fecha de baja|fecha de término|fin de contrato|data di fine|data fine|fine|data di cessazione|"
    "data de fim|data de término|data de saída|fim|término|einddatum|uit dienst|datum uit dienst|data zakończenia|"
    "koniec|data zwolnienia|datum ukončení|konec|odchod|slutdatum|slutdag|slutdato|fratrædelsesdato|sluttdato|"
    "päättymispäivä|kilépés dátuma|дата окончания|дата увольнения|дата закінчення",
    "is_active": "is active|aktywne|aktivní|ativo|aktivt|aktiivinen|активен",
    STATUS_COLUMN: "estado|statut|stato|stan|stav",
}


def fold_heading(heading: str) -> str:
    """A heading without case, accents and punctuation: "E-Mail (dienstlich)" is "emaildienstlich"."""
    return "".join(letter for letter in normalize_heading(heading) if letter.isalnum())


GUESSES = {fold_heading(heading): name for heading, name in COLUMN_BY_HEADING.items()}
for _name, _spellings in SPELLINGS.items():
    for _spelling in _spellings.split("|"):
        GUESSES.setdefault(fold_heading(_spelling), _name)


def guess_column(heading: str) -> str:
    """Our column that a heading names; "" for one that is unknown or that an import passes over."""
    name = GUESSES.get(fold_heading(heading), "")
    return name if name in MAPPED_COLUMNS else ""


def guess_mapping(headings: Iterable[str]) -> dict[str, str]:
    """A column for each heading. The first of several that name the same one gets it."""
    taken: set[str] = set()
    mapping = {}
    for heading in headings:
        name = guess_column(heading)
        mapping[heading] = "" if name in taken else name
        taken.add(name)
    return mapping


def count_guessed(cells: Iterable[str]) -> int:
    """How many cells of a header name a column, for who looks for the separator."""
    return sum(fold_heading(cell) in GUESSES for cell in islice(cells, MAX_COLUMNS))
