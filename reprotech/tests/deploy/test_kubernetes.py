"""The manifests of `deploy/kubernetes`, against Kubernetes' schemas and as kustomize renders them."""

import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from reprotech.testing.plugin import ROOT
from reprotech.tests.support.deploy_files import DEFINED_ELSEWHERE, DEPLOY, KUBERNETES, loaded, manifests

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files, not at servers


def validate(manifest):
    if manifest["kind"] not in DEFINED_ELSEWHERE:
        kubernetes_validate.validate(manifest, "1.32", strict=True)


@pytest.mark.parametrize("path", manifests(), ids=lambda path: path.stem)
def test_manifests_are_what_kubernetes_takes(path):
    validate(loaded(path))


def test_a_wrong_manifest_would_be_found():
    manifest = loaded(KUBERNETES / "base/deployment.yaml")
    manifest["spec"]["replicaz"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.32", strict=True)


def test_kustomizations_name_every_file_and_nothing_else():
    found = list(KUBERNETES.rglob("kustomization.yaml"))
    assert len(found) == 12
    for path in found:
        named = loaded(path)
        resources = {*named.get("resources", []), *named.get("components", []), *named.get("configurations", [])}
        assert all((path.parent / name).exists() for name in resources), path
        assert {other.name for other in path.parent.glob("*.yaml")} - {"kustomization.yaml"} <= resources, path


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Call it with a directory below the overlay for the objects that kustomize makes of it."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl renders what the tests before this one read")
    copy = shutil.copytree(KUBERNETES, tmp_path_factory.mktemp("rendered") / "kubernetes")
    for path in copy.rglob("*.env.example"):
        path.rename(path.with_suffix(""))

    def render(directory=".", **settings):
        overlay = copy / "overlays/production"
        if settings:
            lines = "".join(f"{name}={value}\n" for name, value in settings.items())
            with (overlay / "settings/secrets.env").open("a") as file:
                file.write(lines)
        done = subprocess.run(["kubectl", "kustomize", overlay / directory], capture_output=True, text=True, check=True)
        return {found["kind"]: found for found in yaml.safe_load_all(done.stdout)}

    return render


def references(pod):
    """The names of the ConfigMaps and Secrets that the first container takes its variables from."""
    sources = [*pod["spec"]["containers"][0]["envFrom"]]
    return [reference["name"] for source in sources for reference in source.values()]


def test_the_overlay_renders_with_its_name_image_and_secret(rendered):
    objects = rendered()
    for manifest in objects.values():
        validate(manifest)
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "reprotech"
    expected = {"Deployment", "Service", "NetworkPolicy", "Secret", "ConfigMap", "HTTPRoute", "PodMonitor"}
    assert expected | {"PodDisruptionBudget", "HorizontalPodAutoscaler"} <= set(objects)
    pod = objects["Deployment"]["spec"]["template"]
    assert pod["spec"]["containers"][0]["image"].startswith("registry.example.org/reprotech:")
    labels = pod["metadata"]["labels"].items()
    monitored, guarded = objects["PodMonitor"]["spec"], objects["NetworkPolicy"]["spec"]
    for selector in (
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        guarded["podSelector"]["matchLabels"],
        monitored["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels
        assert "app.kubernetes.io/component" in selector  # others of the namespace aren't meant
    # The job that the alerts ask for.
    assert pod["metadata"]["labels"][monitored["jobLabel"]] == "reprotech"
    (endpoint,) = monitored["podMetricsEndpoints"]
    assert endpoint["authorization"]["credentials"] == {
        "name": objects["Secret"]["metadata"]["name"],
        "key": "METRICS_TOKEN",
    }


def test_a_changed_setting_restarts_the_pods_and_jobs_have_the_same(rendered):
    before = rendered()["Deployment"]
    after = rendered(LAB_NAME="Another")
    assert before["spec"]["template"] != after["Deployment"]["spec"]["template"]
    names = references(after["Deployment"]["spec"]["template"])
    jobs = [rendered("migration")["Job"]["spec"], rendered("backup")["CronJob"]["spec"]["jobTemplate"]["spec"]]
    owner, other = (references(job["template"]) for job in jobs)
    assert owner == other
    assert owner[:2] == names
    assert names == [after["ConfigMap"]["metadata"]["name"], after["Secret"]["metadata"]["name"]]


def test_objects_leave_to_the_cluster_what_is_its_to_decide():
    """How many pods there are while it scales, and that nodes can be drained while the database is away."""
    deployment = loaded(KUBERNETES / "base/deployment.yaml")["spec"]
    assert "replicas" not in deployment
    spread = {constraint["topologyKey"] for constraint in deployment["template"]["spec"]["topologySpreadConstraints"]}
    assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    budget = loaded(KUBERNETES / "base/disruption-budget.yaml")["spec"]
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert loaded(KUBERNETES / "migration/job.yaml")["spec"]["activeDeadlineSeconds"] <= 3600


def test_the_operator_s_rules_are_the_alerts():
    head = (KUBERNETES / "components/prometheus-operator/rule-head").read_text()
    alerts = (DEPLOY / "monitoring/alerts.yml").read_text()
    rule = yaml.safe_load(head + re.sub("^", "  ", alerts, flags=re.MULTILINE))
    assert (rule["kind"], rule["spec"]) == ("PrometheusRule", yaml.safe_load(alerts))
    command = (
        "cat deploy/kubernetes/components/prometheus-operator/rule-head; sed 's/^/  /' deploy/monitoring/alerts.yml"
    )
    assert command in (ROOT / "docs/deployment.md").read_text()
