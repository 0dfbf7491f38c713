"""The users: names of several languages, combined at random."""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from django.utils.text import slugify

from accounts.core.catalogue import ADMIN, ROLES

ROLE_NAMES = {role.slug: role.name for role in ROLES}
#: One administrator and one manager for this number of users; the first user is an administrator.
USERS_PER_ADMINISTRATOR, USERS_PER_MANAGER = 500, 60
#: Roles of the other users, in percent.
ROLE_PERCENTAGES = {"lab_technician": 38, "viewer": 27, "researcher": 25, "veterinarian": 10}
DOMAIN, FORMER_DOMAIN = "lab.example", "old.lab.example"

FIRST_NAMES = """
    Ada Agnes Ahmed Aiko Aleksandra Amara Amina Ana Anders André Anil Anna Antoine Arjun Astrid Ayşe Beatriz Bilal Björn
    Camille Carlos Carmen Chen Chiara Chloé Claire Daniel Daniela David Deniz Diana Diego Dimitri Elena Elif Emeka Emil
    Emma Erik Esther Eva Fatima Felix Fernanda Finn Francesca Freya Gabriel Giulia Grace Greta Hana Hannah Haruto Helena
    Henrik Hugo Ibrahim Ida Ines Ingrid Irina Isabel Ivan Jakub James Jan Jana João Johanna Jonas José Julia Kaito Karin
    Katarzyna Kavya Khadija Kofi Laila Lars Laura Léa Leon Lina Linh Lucas Lucía Luka Magdalena Malik Marco Maria Marta
    Mateo Matteo Maya Mei Mehmet Mia Miguel Mika Milan Minh Miriam Mohammed Nadia Naoko Natalia Ngozi Nia Niamh Nikolai
    Nina Noah Nora Olga Oliver Omar Oskar Paula Pedro Petra Pierre Priya Rahul Raj Rania Rosa Ryan Saanvi Salma Samuel
    Sara Sean Selma Seo-yeon Sofia Stefan Sven Tamar Tariq Thandiwe Thomas Tomáš Uma Valentina Vera Viktor Wei William
    Xin Yara Yasmin Yuki Yusuf Zainab Zeynep Zoë
""".split()  # noqa: SIM905 (a list of words reads better)

LAST_NAMES = """
    Abebe Adeyemi Ahmadi Ali Almeida Álvarez Andersen Andersson Bakker Banerjee Bauer Becker Berg Bergström Bernard
    Bianchi Borg Brown Carvalho Castro Çelik Chang Chatterjee Chen Clarke Costa Cruz Dahl Das Demir Desai Diallo Dias
    Dubois Dvořák Eriksen Esposito Evans Farah Fernández Ferrari Fischer Fontaine Fujita García Gómez González Greco
    Gupta Hansen Haddad Hassan Hernández Hoffmann Horvat Horváth Huang Ibrahim Ivanova Iyer Jansen Jensen Johansson
    Jones Joshi Kamau Kaplan Kaya Keller Khan Kim Kobayashi Koch Korhonen Kovács Kowalski Kumar Larsen Laurent Lee
    Lefebvre Leroy Li Lim Lindberg Liu López Mahmoud Mäkinen Marino Martin Martínez Mbeki Mensah Meyer Mohamed Molina
    Moreau Morris Müller Murphy Nair Nakamura Nguyen Nielsen Novák Nowak Obi Okafor Okonkwo Olsen Onyango Ortiz Osman
    Özdemir Papadopoulos Park Patel Pereira Petrov Pham Popescu Ramos Rao Reddy Ricci Richter Rivera Rodríguez Romano
    Rossi Ruiz Sánchez Santos Sato Schmidt Schneider Sharma Silva Singh Smith Söderberg Suzuki Svoboda Szabó
    Tanaka Tran Torres Vargas Vasquez Virtanen Vogel Wagner Walker Wang Weber Wilson Wójcik Wong Wu Yamamoto
    Yang Yildirim
    Zhang Zhao Zimmermann
""".split()  # noqa: SIM905 (a list of words reads better)

BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
)


@dataclass(slots=True, eq=False)
class Account:
    #: From 0 in the order in which they joined.
    number: int
    first_name: str
    last_name: str
    username: str
    email: str
    roles: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    is_active: bool = True
    locked_at: datetime | None = None
    last_login: datetime | None = None
    password_changed_at: datetime | None = None
    #: Of their authenticator app, if they have one.
    app_id: int | None = None
    app_added_at: datetime | None = None

    @property
    def is_administrator(self) -> bool:
        return ADMIN in self.roles

    @property
    def role_names(self) -> list[str]:
        return sorted(ROLE_NAMES[slug] for slug in self.roles)


def new_account(number: int, chance: Random, moment: datetime) -> Account:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    # There are fewer names than users: the number makes usernames unique.
    username = f"{slugify(first)}.{slugify(last)}{number or ''}"
    slug = chance.choices([*ROLE_PERCENTAGES], [*ROLE_PERCENTAGES.values()])[0]
    if number % USERS_PER_ADMINISTRATOR == 0:
        slug = ADMIN
    elif number % USERS_PER_MANAGER == 1:
        slug = "manager"
    return Account(number, first, last, username, f"{username}@{DOMAIN}", (slug,), moment, moment)
