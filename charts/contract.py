"""What the chart sfm takes from the service: the values that its settings may have, and its policy.

    python charts/contract.py           writes both into the chart
    python charts/contract.py --check   says what is out of date, and ends with 1

The chart cannot read outside its folder, and the audit examines no chart with links: so it carries copies, and a test compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common.config.settings import SMFSettings

CHARTS = Path(__file__).resolve().parent
SCHEMA = CHARTS / "sfm" / "values.schema.json"
POLICY = CHARTS / "sfm" / "files" / "memory.rego"
SOURCE = CHARTS.parent / "services" / "memory" / "sfm" / "policy" / "memory.rego"
SECRETS = ("auth_dev_token", "database_url", "redis_url")
"""Settings that are secret: they come as files, and never stand in a ConfigMap."""
MADE = ("data_dir", "host", "opa_url", "policy_dir", "port", "side_port", "tls_cert", "tls_client_ca", "tls_key")
"""Settings that follow from other values of the chart."""


def settings_schema() -> dict[str, Any]:
    """The JSON schema of `config`: a property for each setting that a release may choose, and no others."""
    properties = SMFSettings.model_json_schema(by_alias=False)["properties"]
    free = {name: _plain(schema) for name, schema in properties.items() if name not in (*SECRETS, *MADE)}
    return {
        "description": "Settings of the service by name; made by charts/contract.py from the service's own.",
        "type": "object",
        "additionalProperties": False,
        "properties": dict(sorted(free.items())),
        "dependentRequired": {"auth_jwks_url": ["auth_issuer"]},
    }


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """One setting's type and bounds, without default and title; what is optional is left out instead of null."""
    given = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    return {key: value for key, value in given.items() if key not in ("default", "title", "description")}


def secrets_schema() -> dict[str, Any]:
    """The JSON schema of a list of secret settings."""
    return {"type": "array", "uniqueItems": True, "items": {"enum": list(SECRETS)}}


def wanted() -> dict[Path, str]:
    """What the files should hold."""
    schema = json.loads(SCHEMA.read_text())
    schema["$defs"] |= {"settings": settings_schema(), "secretNames": secrets_schema()}
    return {SCHEMA: json.dumps(schema, indent=2, ensure_ascii=False) + "\n", POLICY: SOURCE.read_text()}


def main(arguments: list[str]) -> int:
    """Write, or compare."""
    stale = [path for path, text in wanted().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(CHARTS.parent)}: out of date" if arguments else f"wrote {path}")
        if not arguments:
            path.write_text(wanted()[path])
    return 1 if stale and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
