"""What `deploy/` ships, against the schemas and programs that will read it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema.validators import validator_for
from prometheus_client import REGISTRY
from prometheus_client.registry import CollectorRegistry

from reprotech import __version__
from reprotech.documents.library import documents
from reprotech.monitoring.collectors import StateCollector
from reprotech.testing.plugin import ROOT, documented_variables
from reprotech.tests.support.deploy_files import DEPLOY, KUBERNETES, loaded, manifests, variables

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files, not at servers

SHARED_MEMORY = "/dev/shm"  # noqa: S108 (of the container)


def containers():
    """Every container of ours in Kubernetes, by the file's name."""
    for path in manifests():
        spec = loaded(path).get("spec", {})
        pod = spec.get("jobTemplate", {}).get("spec", spec).get("template", {}).get("spec")
        if pod:
            yield path.stem, pod, pod["containers"][0]


def test_containers_run_without_rights_on_a_root_that_they_cannot_write():
    names = set()
    for name, pod, container in containers():
        names.add(name)
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]} - {"/anchors", "/backups", SHARED_MEMORY}
        assert mounts == {"/data", "/tmp"}  # noqa: S108 (of the container)
    assert names == {"deployment", "job", "cron-job"}


def test_compose_is_what_compose_takes():
    schema, found = get_builtin_schema("vendor.compose-spec"), loaded(DEPLOY / "docker-compose.yml")
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(found)] == []
    found["services"]["web"]["privilegd"] = True
    assert not validator.is_valid(found)


def test_compose_starts_things_in_order_and_holds_no_password():
    text = (DEPLOY / "docker-compose.yml").read_text()
    services = yaml.safe_load(text)["services"]
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert waits["web"] == {
        "migrate": "service_completed_successfully",
        "database": "service_healthy",
        "cache": "service_healthy",
    }
    assert waits["migrate"] == {"database": "service_healthy"}
    # One after the other.
    assert waits["web-2"] == {**waits["web"], "web": "service_healthy"}
    assert waits["proxy"] == {"web": "service_healthy", "web-2": "service_healthy"}
    rotated = {"max-size": "10m", "max-file": "5"}
    assert {name for name in services if services[name]["logging"]["options"] != rotated} == set()
    assert {name for name in services if "ports" in services[name]} == {"proxy"}
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
    documented = set(re.findall(r"^#? ?([A-Z_]+)=", (DEPLOY / "compose.env.example").read_text(), re.MULTILINE))
    assert {"POSTGRES_PASSWORD", "SECRET_KEY", "EMAIL_URL"} <= set(re.findall(r"(?<!\$)\$\{([A-Z_]+):\?", text))
    assert used - documented <= {"REPROTECH_IMAGE", "REPROTECH_BACKUP_IMAGE", "ADMIN_PASSWORD", "EMAIL_FROM"}


def task_definition(name="task-definition"):
    return json.loads((DEPLOY / f"ecs/{name}.json").read_text())


def unknown_words(shape, value):
    """Words that AWS has a list for and that aren't in it: its own validator leaves those to the service."""
    if shape.type_name == "structure":
        for name, part in value.items():
            yield from unknown_words(shape.members[name], part)
    elif shape.type_name == "list":
        for part in value:
            yield from unknown_words(shape.member, part)
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield value


def objections_of_aws(task):
    """What the service's model, as AWS publishes it with its client, has against registering a task."""
    model = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    report = ParamValidator().validate(task, shape)
    return report.generate_report().splitlines() or list(unknown_words(shape, task))


@pytest.mark.parametrize("name", ["task-definition", "migration-task-definition"])
def test_the_task_definition_is_what_ecs_takes(name):
    assert objections_of_aws(task_definition(name)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("familiy", "reprotech"),
        ("cpu", 1024),
        ("networkMode", "awsvpcs"),
        ("requiresCompatibilities", ["FARGAT"]),
        ("containerDefinitions", [{"linuxParameters": {"capabilities": {"dropp": ["ALL"]}}}]),
        ("containerDefinitions", [{"logConfiguration": {"options": {}}}]),
    ],
)
def test_a_mistake_in_the_task_definition_would_be_found(name, value):
    assert len(objections_of_aws({**task_definition(), name: value})) == 1


def environment_file(name):
    """The variables of a file of them."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (DEPLOY / name).read_text(), re.MULTILINE))


def ecs_settings(name):
    """Of a task: the variables, secrets by where they lie, and the paths of volumes that outlive it."""
    task = task_definition(name)
    container = task["containerDefinitions"][0]
    given = {one["name"]: one["value"] for one in container["environment"]}
    given |= {one["name"]: one["valueFrom"].split(":secret:")[1] for one in container["secrets"]}
    kept = {volume["name"] for volume in task["volumes"] if "efsVolumeConfiguration" in volume}
    return given, {mount["containerPath"] for mount in container["mountPoints"] if mount["sourceVolume"] in kept}


def kubernetes_settings(path):
    """Of a pod, the same."""
    pod = loaded(KUBERNETES / path)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {}
    for source in container["envFrom"]:
        secret = {"reprotech": "settings/secrets", "reprotech-owner": "owner/owner"}.get(
            source.get("secretRef", {}).get("name")
        )
        given |= environment_file(f"kubernetes/overlays/production/{secret}.env.example") if secret else configmap()
    given |= {one["name"]: one["value"] for one in container.get("env", [])}
    kept = {volume["name"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume}
    return given, {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in kept}


def configmap():
    overlay = loaded(KUBERNETES / "overlays/production/settings/kustomization.yaml")
    own = dict(literal.split("=", 1) for literal in overlay["configMapGenerator"][0]["literals"])
    return {**environment_file("kubernetes/settings/settings.env"), **own}


def compose_settings(name):
    """Of a service, the same."""
    services = loaded(DEPLOY / "docker-compose.yml")["services"]
    databases = {volume.partition(":")[0] for volume in services["database"]["volumes"]}
    mounts = [volume.split(":") for volume in services[name]["volumes"]]
    return services[name]["environment"], {path for volume, path, *_ in mounts if volume not in databases}


def systemd_settings(unit):
    """Of a unit, the same; what StateDirectory names is kept, and PostgreSQL's user can't write there."""
    text = (DEPLOY / "systemd" / unit).read_text()
    given = {}
    for name in re.findall(r"^EnvironmentFile=-?/etc/reprotech/(\S+)$", text, re.MULTILINE):
        given |= environment_file(f"systemd/{name}.example")
    return given, {f"/var/lib/{name}" for name in re.findall(r"^StateDirectory=(\w+)", text, re.MULTILINE)}


#: Of each way onto a server, the settings of the server and of its migrations.
WAYS = {
    "compose": (compose_settings("web"), compose_settings("migrate")),
    "kubernetes": (kubernetes_settings("base/deployment.yaml"), kubernetes_settings("migration/job.yaml")),
    "ecs": (ecs_settings("task-definition"), ecs_settings("migration-task-definition")),
    "systemd": (systemd_settings("reprotech@.service"), systemd_settings("reprotech-migrate.service")),
}


@pytest.mark.parametrize("way", WAYS)
def test_checkpoints_leave_for_a_volume_that_the_database_does_not_have(way):
    given, kept = WAYS[way][0]
    assert str(Path(given["AUDIT_ANCHOR_FILE"]).parent) in kept


def test_counters_of_every_way_are_kept_in_memory():
    """On a full disk the library's mapped files end the process with a SIGBUS."""
    for name in ("Dockerfile", "deploy/serve"):  # Compose, Kubernetes and ECS take the image's
        set_to = re.findall(r"PROMETHEUS_MULTIPROC_DIR:?=([^\s}]+)", (ROOT / name).read_text())
        assert set_to == [f"{SHARED_MEMORY}/reprotech-metrics"]
    assert not any("PROMETHEUS_MULTIPROC_DIR" in server for (server, _), _ in WAYS.values())
    pod = loaded(KUBERNETES / "base/deployment.yaml")["spec"]["template"]["spec"]
    mounted = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes[mounted[SHARED_MEMORY]]["emptyDir"]["medium"] == "Memory"
    unit = (DEPLOY / "systemd/reprotech@.service").read_text()
    assert "PROMETHEUS_MULTIPROC_DIR=/run/reprotech-%i" in unit
    assert "RuntimeDirectory=reprotech-%i" in unit.splitlines()


@pytest.mark.parametrize("way", WAYS)
def test_the_server_is_not_the_role_that_owns_the_tables(way):
    (server, _), (migration, _) = WAYS[way]
    assert migration["DATABASE_WEB_ROLE"] == "reprotech_web"
    if way == "ecs":
        roles = [server["DATABASE_URL"], migration["DATABASE_URL"]]
        assert roles == ["reprotech:DATABASE_URL::", "reprotech-owner:DATABASE_URL::"]
    else:
        assert server["DATABASE_URL"].startswith("postgresql://reprotech_web:")
        assert migration["DATABASE_URL"].startswith("postgresql://reprotech_owner:")


@pytest.mark.parametrize("way", WAYS)
def test_there_are_more_connections_than_threads(way):
    given = WAYS[way][0][0]
    image = dict(re.findall(r"(WORKERS|THREADS)=(\d+)", (ROOT / "Dockerfile").read_text()))
    threads = int(given.get("THREADS") or image["THREADS"])
    assert int(given.get("DATABASE_POOL_SIZE", 20)) > threads


def test_manifests_name_the_image_of_this_version():
    files = [path for path in DEPLOY.rglob("*") if path.suffix in {".json", ".yaml"}]
    pattern = r"(?:/reprotech:|newTag: )([\d.]+\d)"
    named = {str(path): re.findall(pattern, path.read_text(encoding="utf-8")) for path in files}
    assert sum(map(len, named.values())) == 5
    assert {path: tags for path, tags in named.items() if set(tags) - {__version__}} == {}


def test_every_variable_that_manifests_set_exists():
    known = set(documented_variables()) | {"WORKERS", "THREADS"}
    given = {
        "kubernetes": set(configmap()),
        "secrets": variables(KUBERNETES / "overlays/production/settings/secrets.env.example"),
        "systemd": set(
            re.findall(r"^([A-Z_]+)=", (DEPLOY / "systemd/reprotech.env.example").read_text(), re.MULTILINE)
        ),
        "compose": set(loaded(DEPLOY / "docker-compose.yml")["services"]["web"]["environment"]) - {"<<"},
    }
    task = task_definition()["containerDefinitions"][0]
    given["ecs"] = {variable["name"] for variable in [*task["environment"], *task["secrets"]]}
    assert {place: names - known for place, names in given.items() if names - known} == {}
    assert {"SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_SIGNING_KEY", "DATABASE_URL"} <= given["ecs"] & given["compose"]


def test_the_dockerfile_passes_its_linter(tmp_path):
    linter = Path(sys.executable).with_name("hadolint")
    assert subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False).stdout == ""
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\n")
    assert subprocess.run([linter, tmp_path / "Dockerfile"], capture_output=True, check=False).returncode == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("unit", ["reprotech@5001.service", "reprotech-migrate.service", "reprotech-backup.service"])
def test_units_are_what_systemd_takes(tmp_path, unit):
    for path in (DEPLOY / "systemd").glob("*.service"):
        text = path.read_text().replace("/opt/reprotech/current/deploy/serve", "/bin/true")
        text = text.replace("/opt/reprotech/current/.venv/bin/python", "/bin/true").replace(
            "/opt/reprotech/current", "/"
        )
        (tmp_path / path.name.replace("@", "@5001")).write_text(text)
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit], capture_output=True, text=True, check=False
    )
    assert (found.returncode, [line for line in found.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


def known_metrics():
    import accounts.authentication.login  # noqa: F401
    import reprotech.monitoring.metrics  # noqa: F401 (these register their metrics)

    state = CollectorRegistry()
    state.register(StateCollector())
    names = {
        sample.name for registry in (REGISTRY, state) for metric in registry.collect() for sample in metric.samples
    }
    names |= {f"{metric.name}{end}" for metric in REGISTRY.collect() for end in ("_total", "_bucket")}
    # Only after a verification, with a pool, where anchors are configured, next to an audit worker, on PostgreSQL.
    return names | {
        *("reprotech_audit_verified_age_seconds", "reprotech_database_pool_connections"),
        *("reprotech_audit_anchor_lag_seconds", "reprotech_audit_anchor_interval_seconds"),
        *("reprotech_audit_worker_age_seconds", "reprotech_clock_offset_seconds"),
    }


def test_alerts_and_dashboard_ask_for_metrics_that_exist_and_operations_explains_each(db):
    rules = loaded(DEPLOY / "monitoring/alerts.yml")["groups"][0]["rules"]
    panels = json.loads((DEPLOY / "monitoring/grafana-dashboard.json").read_text())["panels"]
    asked = [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]
    names = {name for text in asked for name in re.findall(r"\b(?:reprotech|http)_[a-z_]+", text)}
    assert len(names) > 10
    assert names - known_metrics() == set()
    parts = {part.anchor for part in documents()["operations"].parts}
    for rule in rules:  # in the product, and on GitHub as well
        address, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert address == "https://reprotech.example.org/docs/operations"
        assert anchor == rule["alert"].lower()
        assert anchor in parts
    explained = re.findall(r"^### (\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert explained == [rule["alert"] for rule in rules]
