"""The files that repeat the plugins' `--about` say the same."""

import importlib.util
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "hub" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_as_make_hub_writes_them(generate):
    stale = [path.name for path, text in generate.files().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make hub`"


@pytest.mark.parametrize("plugin", ["tap-e3db", "target-e3db"])
def test_every_setting_has_its_kind_and_every_secret_is_sensitive(generate, plugin):
    about = generate.about(plugin)["settings"]["properties"]
    written = {setting["name"]: setting for setting in yaml.safe_load((ROOT / "hub" / f"{plugin}.yml").read_text())["settings"]}
    assert list(written) == list(about)
    assert {name for name, setting in written.items() if setting.get("sensitive")} == {name for name in about if about[name].get("secret")}
    assert {"api_secret", "private_key", "private_signing_key"} <= {name for name, setting in written.items() if setting.get("sensitive")}
    assert written["max_workers"]["kind"] == "integer"
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]
    [listed] = [entry for entry in project["extractors"] + project["loaders"] if entry["name"] == plugin]
    for setting in listed["settings"]:
        assert setting.get("kind") == written[setting["name"]].get("kind")
        assert setting.get("sensitive") == written[setting["name"]].get("sensitive")


def test_the_table_of_the_guide_names_every_setting(generate):
    guide = (ROOT / "docs" / "singer.md").read_text(encoding="utf-8")
    for plugin in generate.PLUGINS:
        part = guide.split(f"<!-- settings of {plugin} -->")[1].split("<!-- end -->")[0]
        assert [line.split("`")[1] for line in part.splitlines() if line.startswith("| `")] == list(
            generate.about(plugin)["settings"]["properties"]
        )
