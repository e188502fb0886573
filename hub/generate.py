"""Write what repeats the plugins' own `--about`: the hub definitions, the settings of meltano.yml, the tables of docs/singer.md.

`make hub` runs it; a test says when it has to run again.
"""
# ruff: noqa: INP001 - a script, and no package

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
# Numbers with a fraction have none: of a `decimal` that a variable of the environment sets, Meltano 4.4 makes a Decimal, which it cannot
# write into the plugin's config. A text arrives, and the plugin reads it.
KINDS = {"integer": "integer", "boolean": "boolean", "array": "array", "object": "object"}
SDK_SETTINGS = ("stream_map", "faker", "flattening")
PLUGINS = {"tap-e3db": "extractor", "target-e3db": "loader"}


def about(plugin: str) -> dict[str, Any]:
    """What a plugin says of itself."""
    command = [str(Path(sys.executable).parent / plugin), "--about", "--format=json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: S603
    return found


def kind(schema: dict[str, Any]) -> str | None:
    """Meltano's word for the type of a setting; text has none."""
    if schema.get("format") == "date-time":
        return "date_iso8601"
    return next((KINDS[name] for name in schema["type"] if name in KINDS), None)


def definition(plugin: str, told: dict[str, Any]) -> dict[str, Any]:
    """The plugin's entry as a hub has it."""
    settings = [_setting(name, schema) for name, schema in told["settings"]["properties"].items()]
    made = {
        "name": plugin,
        "variant": "e3db-connectors",
        "namespace": plugin.replace("-", "_"),
        "label": "E3DB",
        "description": told["description"],
        "pip_url": "e3db-connectors[singer]",
        "executable": plugin,
        "capabilities": told["capabilities"],
        "keywords": ["meltano_sdk"],
        "settings": settings,
        "settings_group_validation": [
            ["client_id", "api_key_id", "api_secret", "public_key", "private_key"],
            ["credentials_file"],
            ["profile"],
        ],
    }
    return made | ({"select": ["*.*"]} if plugin.startswith("tap") else {})


def _setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    made = {"name": name, "label": schema.get("title", name), "description": schema.get("description", "")}
    if chosen := kind(schema):
        made["kind"] = chosen
    if schema.get("secret"):
        made["sensitive"] = True
    if schema.get("default") is not None:
        made["value"] = schema["default"]
    return made


def project_settings(told: dict[str, Any]) -> str:
    """The settings of a plugin as lines of meltano.yml, without those that every plugin of the SDK has."""
    lines = []
    for name, schema in told["settings"]["properties"].items():
        if not name.startswith(SDK_SETTINGS):
            parts = [f"name: {name}"] + ([f"kind: {chosen}"] if (chosen := kind(schema)) else [])
            parts += ["sensitive: true"] if schema.get("secret") else []
            lines.append(f"    - {{{', '.join(parts)}}}\n")
    return "".join(lines)


def table(told: dict[str, Any]) -> str:
    """The settings as a table of Markdown."""
    rows = ["| Setting | Type | Default | What it does |", "|---|---|---|---|"]
    for name, schema in told["settings"]["properties"].items():
        default = json.dumps(schema["default"]) if schema.get("default") is not None else ""
        words = _escaped(schema.get("description", ""))
        secret = ", secret" if schema.get("secret") else ""
        rows.append(f"| `{name}` | {kind(schema) or _type(schema)}{secret} | {f'`{default}`' if default else ''} | {words} |")
    return "\n".join(rows) + "\n"


def _type(schema: dict[str, Any]) -> str:
    return next((name for name in schema["type"] if name != "null"), "string")


def _escaped(words: str) -> str:
    """A text for a cell: what stands in backquotes is shown as it is."""
    parts = words.replace("|", "\\|").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def files() -> dict[Path, str]:
    """Every file that is written, with its whole text."""
    project, guide = ROOT / "meltano.yml", ROOT / "docs" / "singer.md"
    texts = {project: project.read_text(encoding="utf-8"), guide: guide.read_text(encoding="utf-8")}
    for plugin in PLUGINS:
        told = about(plugin)
        texts[ROOT / "hub" / f"{plugin}.yml"] = yaml.safe_dump(definition(plugin, told), sort_keys=False, allow_unicode=True, width=140)
        pattern = rf"(  - name: {plugin}\n(?:    .*\n)*?    settings:\n)(?:    - .*\n)+"
        texts[project] = re.sub(pattern, lambda found, told=told: found[1] + project_settings(told), texts[project])
        pattern = rf"(<!-- settings of {plugin} -->\n)(?s:.*?)(<!-- end -->)"
        texts[guide] = re.sub(pattern, lambda found, told=told: found[1] + "\n" + table(told) + "\n" + found[2], texts[guide])
    return texts


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
