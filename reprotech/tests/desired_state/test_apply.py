"""`manage.py apply FILE`: all of it or nothing, on record, and nothing the second time."""

import json
import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Exclusion, Role, User
from audit.models import AuditLog
from reprotech.desired_state import services
from reprotech.testing.cast import at_once
from reprotech.testing.plugin import ROOT
from reviews.models import Review
from sso.models import Application

#: The example that the documentation gives.
LAB = (ROOT / "docs/automation.md").read_text().partition("```toml\n")[2].partition("```")[0]


@pytest.fixture
def run(cast, tmp_path):
    """Call it with the file's text and options for the exit code and what the command says."""

    def apply(text, *options):
        file, out = tmp_path / "lab.toml", StringIO()
        file.write_text(text)
        try:
            call_command("apply", str(file), *options, stdout=out)
        except SystemExit as ended:
            return ended.code, out.getvalue()
        return 0, out.getvalue()

    return apply


@pytest.fixture
def applied(run, tmp_path):
    run(LAB, "--secrets", str(tmp_path / "secrets"))
    return run


def state():
    """All that a file may change, with versions."""
    return [list(model.objects.order_by("pk").values()) for model in (Role, Exclusion, Application, Review)]


def events():
    return AuditLog.objects.count()


def test_a_plan_says_what_would_be_done_and_does_nothing(run, tmp_path):
    before = state(), events()
    code, said = run(LAB, "--plan")
    assert (code, (state(), events())) == (2, before)
    for line in (
        "would create role Technician\n    name: Technician\n    description: Runs assays\n    permissions: + sample",
        "would change role Lead\n    may_grant: + Technician\n",
        "would create exclusion Nobody approves their own tests\n",
        "would create application LIMS\n",
        "would open review Who leads\n",
        "7 changes to make. Nothing was changed.\n",
    ):
        assert line in said
    assert "client_id" not in said
    code, done = run(LAB, "--secrets", str(tmp_path / "secrets"))
    assert code == 0
    assert [line.partition(" ")[2] for line in done.splitlines() if line[0] != " "][:-1] == [
        line.removeprefix("would ").partition(" ")[2] for line in said.splitlines() if line[0] != " "
    ][:-1]


def test_what_the_file_says_is_there_afterwards_and_on_record(run, tmp_path):
    before, secrets = events(), tmp_path / "secrets"
    code, said = run(LAB, "--secrets", str(secrets))
    assert code == 0
    assert said.endswith("7 changes made.\n")
    lead = Role.objects.get(name="Lead")
    assert (lead.permission_names, lead.may_grant_names) == (["user_read", "sample_read"], ["Technician"])
    application = Application.objects.get(slug="lims")
    assert sorted(application.role_names) == ["Lead", "Technician"]
    assert Exclusion.objects.get().set_b == ["lab_test_approve"]
    review = Review.objects.get()
    assert (review.scope, review.every_months) == ({"roles": ["Administrator"]}, 6)
    assert events() == before + 7
    assert {row.username for row in AuditLog.objects.all()[:7]} == {"system"}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    made = json.loads(secrets.read_text())["lims"]
    assert made["client_id"] == application.client_id
    assert made["client_secret"] not in said + str(list(AuditLog.objects.values()))


def test_a_second_time_changes_nothing(applied):
    before = state(), events()
    said = "Nothing to change: all is as the file says.\n"
    assert applied(LAB) == (0, said)
    assert applied(LAB, "--plan") == (0, said)
    assert (state(), events()) == before


def test_what_is_left_out_stays_as_it_is(applied):
    code, said = applied('[[roles]]\nname = "technician"\npermissions = ["sample_read", "animal_read"]')
    assert (code, said) == (
        0,
        "changed role Technician\n    permissions: + animal_read, - lab_test_read\n1 change made.\n",
    )
    assert Role.objects.get(name="Technician").description == "Runs assays"


def test_what_is_to_be_absent_goes_after_what_names_it(applied):
    gone = LAB.replace('roles = ["Technician", "Lead"]', 'roles = ["Technician"]')
    gone = gone.replace('permissions = ["sample_read", "user_read"]\nmay_grant = ["Technician"]', "absent = true")
    gone = gone.replace('mode = "warn"', "absent = true")
    assert applied(gone)[0] == 0
    assert not Role.objects.filter(name="Lead").exists()
    assert not Exclusion.objects.exists()
    assert Application.objects.get().role_names == ["Technician"]
    assert applied(gone) == (0, "Nothing to change: all is as the file says.\n")
    assert applied('[[applications]]\nslug = "lims"\nabsent = true')[0] == 0
    assert not Application.objects.exists()


def test_users_of_a_deleted_role_get_the_other(applied, cast):
    user = User.objects.get(pk=cast.viewer.pk)
    user.roles.add(Role.objects.get(name="Lead"))
    application = '[[applications]]\nslug = "lims"\nroles = []\n'
    role = '[[roles]]\nname = "Lead"\nabsent = true\n'
    with pytest.raises(CommandError, match="roles, Lead: 1 user holds this role"):
        applied(application + role)
    assert Application.objects.get().role_names  # nothing half done
    assert applied(application + role + 'reassign_to = "Technician"\n')[0] == 0
    assert user.roles.filter(name="Technician").exists()


REFUSED = [
    ('[[roles]]\nname = "Super Administrator"\npermissions = []', "always holds every permission"),
    ('[[roles]]\nname = "Super Administrator"\nabsent = true', "System roles can't be deleted"),
    (
        '[[roles]]\nname = "X"\npermissions = ["sample_raed"]',
        "X: permissions: There is no permission 'sample_raed'",
    ),
    ('[[roles]]\nname = "Viewer"\nmay_grant = ["Nobody"]', "roles, Viewer: "),
    ('[[roles]]\nname = "X"\nreassign_to = "Viewer"', "reassign_to: It goes with absent = true."),
    ('[[exclusions]]\nname = "X"\nset_a = ["user_read"]', "exclusions, X: set_b: Name at least one"),
    ('[[exclusions]]\nname = "X"\nset_a = ["a"]\nset_b = ["b"]\nmode = "x"', "exclusions, X: "),
    ('[[applications]]\nslug = "x2"\nkind = "public"', "applications, x2: name: Give a new application a name."),
    ('[[applications]]\nslug = "x2"\nname = "X"\nkind = "secret"', "applications, x2: "),
    ('[[applications]]\nslug = "lims"\nkind = "public"', "It is confidential, which can't be changed"),
    ('[[applications]]\nslug = "lims"\nroles = ["Nobody"]', "There is no role 'Nobody'"),
    ('[[applications]]\nslug = "lims"\nservice_account = "nobody"', "There is no user 'nobody'"),
    (f'[[applications]]\nslug = "lims"\naccess_token_minutes = {10**30}', "less than or equal to 60"),
    ('[[reviews]]\nname = "New"', "scope: Give one of"),
    ('[[reviews]]\nname = "New"\nscope = { users = 1 }', "scope: Give one of"),
    ('[[reviews]]\nname = "New"\nscope = { roles = [1] }', "scope: List the names of roles"),
    ('[[reviews]]\nname = "New"\nscope = { users = true }\nreviewers = ["nobody"]', "There is no user nobody"),
    (
        '[[reviews]]\nname = "New"\nscope = { users = true }\nreviewers = ["the-admin"]\ndue_days = 400',
        "due_days: Give a number of days from 0 to 366.",
    ),
    ('[[reviews]]\nname = "who leads"\nscope = { keys = true }', "opened with another scope"),
    (
        '[[reviews]]\nname = "Who leads"\nscope = { roles = ["Administrator"] }\nif_unanswered = "remove"',
        "What becomes of unanswered lines can't be changed",
    ),
]


@pytest.mark.parametrize(("entry", "sentence"), REFUSED)
def test_one_refused_entry_leaves_all_as_it_was(applied, entry, sentence):
    before = state(), events()
    for options in ([], ["--plan"]):
        with pytest.raises(CommandError) as refused:
            applied('[[roles]]\nname = "Other"\n\n' + entry, *options)
        assert sentence in str(refused.value)
        assert str(refused.value).endswith("Nothing was changed.")
        assert (state(), events()) == before


def test_no_secret_is_made_that_nobody_would_see(run):
    with pytest.raises(CommandError, match=r"A secret is made for lims, and shown once. Add --secrets FILE"):
        run(LAB)
    assert not Application.objects.exists()


def test_a_file_of_secrets_that_is_there_stays_and_nothing_is_done(run, tmp_path):
    secrets, before = tmp_path / "secrets", state()
    secrets.write_text("mine")
    with pytest.raises(CommandError, match=r"is there already: name a new file. Nothing was changed"):
        run(LAB, "--secrets", str(secrets))
    assert (secrets.read_text(), state()) == ("mine", before)


def test_a_missing_reason_is_asked_for(run, settings):
    settings.REASON_REQUIRED_FOR = frozenset({"role:create"})
    with pytest.raises(CommandError, match="Add --reason TEXT"):
        run('[[roles]]\nname = "Other"')
    assert run('[[roles]]\nname = "Other"', "--reason", "CAPA 17")[0] == 0
    assert AuditLog.objects.first().details["reason_given"] == "CAPA 17"


def test_a_review_that_is_over_stays_over_and_another_entry_changes_an_open_one(applied):
    entry = '[[reviews]]\nname = "Who leads"\nscope = { roles = ["Administrator"] }\nevery_months = 0'
    assert "every_months: 6 -> none" in applied(entry)[1]
    assert applied(entry)[1].startswith("Nothing to change")


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_two_operators_at_once_wait_for_each_other(cast):
    document = {"roles": [{"name": "Other"}], "exclusions": [], "applications": [], "reviews": []}

    def apply():
        try:
            return len(services.apply_document(document, is_plan=False))
        finally:
            connection.close()

    assert sorted(at_once(apply, apply)) == [0, 1]
