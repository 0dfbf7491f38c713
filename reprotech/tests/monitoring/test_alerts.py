"""What `deploy/monitoring/` gives Prometheus, as Prometheus' own promtool reads it."""

import shutil
import subprocess

import pytest
import yaml

from reprotech.testing.plugin import ROOT, require

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files, not at servers

MONITORING = ROOT / "deploy/monitoring"
CASES = ROOT / "reprotech/tests/monitoring/alerts.yml"


@pytest.fixture
def promtool():
    """Call it with words; gives the exit code and what it said."""
    program = shutil.which("promtool") or shutil.which(ROOT / "build/promtool")
    require(program, "promtool (Debian's package prometheus)")

    def run(*words):
        done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def monitoring(tmp_path):
    """A copy with a token where the configuration looks for it."""
    (tmp_path / "token").write_text("a-token\n")
    copy = tmp_path / "monitoring"
    shutil.copytree(MONITORING, copy)
    configuration = (copy / "prometheus.yml").read_text()
    assert configuration.count("/etc/prometheus/reprotech-token") == 1
    adapted = configuration.replace("/etc/prometheus/reprotech-token", str(tmp_path / "token"))
    (copy / "prometheus.yml").write_text(adapted)
    return copy


def test_prometheus_takes_the_configuration_and_its_rules(promtool, monitoring):
    code, said = promtool("check", "config", "--lint=all", "--lint-fatal", monitoring / "prometheus.yml")
    assert code == 0, said
    assert "19 rules found" in said


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("prometheus.yml", "credentials_file", "credential_file"),
        ("prometheus.yml", "alerts.yml", "alarms.yml"),
        ("alerts.yml", "== 0", "== 0 by"),
        ("alerts.yml", "$labels.instance", "$label.instance"),
    ],
)
def test_a_mistake_in_either_would_be_found(promtool, monitoring, file, right, wrong):
    text = (monitoring / file).read_text()
    assert right in text
    (monitoring / file).write_text(text.replace(right, wrong))
    assert promtool("check", "config", monitoring / "prometheus.yml")[0] == 1


def test_each_alert_comes_when_it_should_and_not_before(promtool):
    code, said = promtool("test", "rules", CASES)
    assert code == 0, said


def test_each_alert_is_asked_to_come_and_to_be_silent():
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    asked = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]]
    every = {rule["alert"] for rule in rules}
    assert {case["alertname"] for case in asked if case["exp_alerts"]} == every
    assert {case["alertname"] for case in asked if not case["exp_alerts"]} == every
