"""What tap and target share as commands: their settings are checked, and their errors are one line."""

from __future__ import annotations

import json
import os
import sys
import traceback
from functools import cached_property
from typing import TYPE_CHECKING, Any

import simplejson
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers._util import read_json_file
from singer_sdk.plugin_base import PluginBase

from e3db_connectors.client import Client, credentials
from e3db_connectors.errors import ConfigError, E3DBError
from e3db_connectors.singer import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import click


class E3DBPlugin(PluginBase):
    """The half of a plugin that tap and target have in common."""

    package_name = "e3db-connectors"

    @cached_property
    def client(self) -> Client:
        """The client that the settings name."""
        return Client(credentials.resolve(self.config, source=f"settings of {self.name}"))

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 - the SDK's name and decorator
        """The settings that the environment holds."""
        cls.append_builtin_config(cls.config_jsonschema)
        return settings.from_environment(cls.config_jsonschema, cls._env_var_prefix)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the config files.

        Raises:
            ConfigError: One is not a JSON object, or has a name that no file can have.
        """
        for path in value:
            if path != "ENV" and not isinstance(_config_file(path), dict):
                raise ConfigError(f"the config file {path} must hold a JSON object")
        return super().cb_config(ctx, param, value)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Fill in defaults, and refuse settings that are unknown or of the wrong kind; all at once, and no secret is shown."""
        self.append_builtin_config(self.config_jsonschema)
        errors = settings.complete(self._config, self.config_jsonschema)
        if errors and raise_errors:
            raise ConfigError("; ".join(errors))
        return errors


def _config_file(path: str) -> Any:
    try:
        return read_json_file(path)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise  # `run` tells of these
    except OSError as exc:
        raise ConfigError(f"cannot read the config file {path}: {exc.strerror}") from None


def run(name: str, command: Callable[[], Any]) -> None:
    """Run a plugin's command; a user's mistake becomes one line on stderr and an exit code of 1."""
    try:
        command()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter tries to flush once more
        _fail(name, "whoever reads the output has gone")
    except (E3DBError, SingerSDKError) as exc:
        _fail(name, str(exc))
    except (json.JSONDecodeError, simplejson.JSONDecodeError) as exc:
        _fail(name, f"the config, state or catalog is no JSON (line {exc.lineno}, column {exc.colno})")
    except RecursionError:
        _fail(name, "the config, state or catalog is nested too deep")
    except (FileNotFoundError, PermissionError, IsADirectoryError, UnicodeDecodeError) as exc:
        _fail(name, f"cannot read a file: {exc}")
    except Exception as exc:  # noqa: BLE001 - the last resort: whatever it is, its text may hold a row's values
        traceback.print_tb(exc.__traceback__)
        _fail(name, f"failed with {type(exc).__name__} at the place above; its text is not shown, for it may hold data")


def _fail(name: str, words: str) -> None:
    print(f"{name}: {' '.join(words.split())}", file=sys.stderr)  # noqa: T201 - the command's own voice
    sys.exit(1)
