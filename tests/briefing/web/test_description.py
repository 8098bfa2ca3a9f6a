"""The pages against their own OpenAPI description: whatever is sent, the answer is as described."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from subscribers import changing, roll
from subscribers.confirmations import Asked
from subscribers.tokens import Door
from tests.briefing.web.conftest import DAY, House

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    allow_header_conformance,
]


def genuine(house: House) -> dict[str, str]:
    """A value for each parameter of a path, with which something is found there."""
    key = house.join()
    edition = house.publish()
    with house.database.write() as connection:
        person = roll.person_by_key(connection, key)
        assert person is not None
        asked = changing.ask_person(connection, Asked.DOWNLOAD, person, "daily", now=house.clock())
    return {
        "briefing": "daily",
        "day": DAY.isoformat(),
        "slot": "alert",
        "number": str(edition.stories[0].article.id),
        "/u/": house.token(Door.UNSUBSCRIBE, key),
        "/p/": house.token(Door.PREFERENCES, key),
        "/c/": house.token(Door.CONFIRM, asked),
    }


def test_every_answer_is_as_described(house: House) -> None:
    site = house.site()
    values = genuine(house)
    schema = schemathesis.openapi.from_dict(site.openapi())
    schema.app = site
    tried = set()
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        tried.add((operation.method.upper(), operation.path))
        for mode in GenerationMode:
            try_operation(operation, mode, values)
    assert ("POST", "/join/{briefing}") in tried
    assert len(tried) >= 20


def try_operation(operation: Any, mode: GenerationMode, values: dict[str, str]) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def check(case: Any, real: bool) -> None:
        if real and case.path_parameters:
            known = {**values, "token": values.get(operation.path[:3], "")}
            case.path_parameters = {name: known[name] for name in case.path_parameters}
        case.call_and_validate(checks=CHECKS)

    # A page without parameters has nothing that could be sent wrongly.
    nothing = mode is GenerationMode.NEGATIVE and "{" not in operation.path
    with suppress(Unsatisfiable) if nothing else nullcontext():
        check()
