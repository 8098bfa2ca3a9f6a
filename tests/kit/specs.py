"""The providers' own descriptions of their APIs (OpenAPI), and requests held against them.

They are not part of the project: `BRIEFING_SPECS` names the folder they are in, by default
`shared/specs` beside the checkout. Tests that need one are skipped where it is not there.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.kit.providers import Asked, read_form

_BESIDE = Path(__file__).parents[3] / "shared" / "specs"


def folder() -> Path:
    return Path(os.environ.get("BRIEFING_SPECS", _BESIDE))


def hold_against(file: str, path: str, server: str, asked: Asked) -> None:
    """Fail where a request is not one that the description allows; skip where there is none.

    `path` is the description's, with its parameters in braces; `server` is the address it is for.
    """
    found = folder() / file
    if not found.is_file():
        pytest.skip(f"{found} is missing: BRIEFING_SPECS names the folder of the descriptions")
    from openapi_core.contrib.requests import RequestsOpenAPIRequest  # noqa: PLC0415

    request = requests.Request(
        asked.method, server + asked.path, headers=dict(asked.headers), data=asked.body
    ).prepare()
    _open(found, path).validate_request(RequestsOpenAPIRequest(request))


def check_rejects(file: str, path: str, server: str, asked: Asked) -> None:
    """Fail where the description allows a request that is broken: it would prove nothing."""
    from openapi_core.exceptions import OpenAPIError  # noqa: PLC0415

    with pytest.raises(OpenAPIError):
        hold_against(file, path, server, asked)


@cache
def _open(file: Path, path: str) -> Any:
    from openapi_core import Config, OpenAPI  # noqa: PLC0415

    text = file.read_text(encoding="utf-8")
    document = json.loads(text) if file.suffix == ".json" else yaml.load(text, _loader())
    # One path of hundreds; the components it leads to are found as they are needed.
    document["paths"] = {path: document["paths"][path]}
    _mend(document)
    config = Config(
        spec_validator_cls=None,
        extra_media_type_deserializers={"multipart/form-data": _read_form},
    )
    return OpenAPI.from_dict(document, config=config)


def _read_form(value: bytes, **parameters: str) -> Any:
    """A form's fields as text: openapi-core gives bytes, which are no string to it."""
    from werkzeug.datastructures import ImmutableMultiDict  # noqa: PLC0415

    return ImmutableMultiDict(
        (name, field.decode()) for name, field in read_form(value, parameters["boundary"]).items()
    )


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _mend(document: dict[str, Any]) -> None:
    """Mailgun's form takes one address as text, and says it takes a list only."""
    for schema in document["components"]["schemas"].values():
        to = schema.get("properties", {}).get("to", {}) if isinstance(schema, dict) else {}
        if to.get("type") == "array":
            schema["properties"]["to"] = {"anyOf": [dict(to), {"type": "string"}]}
