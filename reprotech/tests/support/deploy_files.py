"""The files of `deploy/`, as tests read them."""

import re

import yaml

from reprotech.testing.plugin import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
NO_OBJECTS = {"kustomization.yaml", "references.yaml"}
#: Kinds that come with what defines them, such as the Prometheus operator, and whose schemas Kubernetes doesn't have.
DEFINED_ELSEWHERE = {"HTTPRoute", "PodMonitor"}


def manifests():
    return [path for path in sorted(KUBERNETES.rglob("*.yaml")) if path.name not in NO_OBJECTS]


def loaded(path):
    return yaml.safe_load(path.read_text())


def variables(path):
    """The names that a file of variables sets."""
    return set(re.findall(r"^([A-Z_]+)=", path.read_text(), re.MULTILINE))
