"""The names of custom resource definitions, which tell whether somebody else installed a part."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from local.cluster import manifests, versions
from tests.tools.crds import definitions


def test_the_names_of_real_definitions_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without parsing them: each is a document of thousands of lines."""
    texts = [file.read_text() for file in definitions()]
    (tmp_path / "all.yaml").write_text("\n---\n".join([*texts, "kind: ConfigMap\nmetadata:\n  name: x\n"]))
    monkeypatch.setattr(manifests, "files", lambda part: [tmp_path / "all.yaml"])
    names = [yaml.load(text, yaml.CSafeLoader)["metadata"]["name"] for text in texts]
    assert manifests.definitions(versions.SERVING) == sorted(names)
