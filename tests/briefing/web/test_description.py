"""The pages and hooks against their own OpenAPI description: whatever is sent, the answer is as
described, and never a fault of ours. Bounded: so many examples for each operation and mode."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any, Final

import pytest
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

from briefing.returns import ReturnsIntake
from briefing.web import Hooks
from subscribers import changing, roll
from subscribers.addresses import read_address
from subscribers.confirmations import Asked
from subscribers.tokens import Door
from tests.briefing.returns.test_hooks import MARKS, NOW, PROVIDERS, Sent
from tests.briefing.web.conftest import DAY, House, Visitor

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    allow_header_conformance,
]


MOST: Final = 15


def genuine(house: House) -> dict[str, list[str]]:
    """Values for each parameter of a path, with which something is found there."""
    key = house.join()
    edition = house.publish()
    with house.database.write() as connection:
        person = roll.person_by_key(connection, key)
        assert person is not None
        asked = changing.ask_person(connection, Asked.DOWNLOAD, person, "daily", now=house.clock())
        move, new = changing.ask_move(
            connection, person, read_address("anna@new.example"), "daily", now=house.clock()
        )
    return {
        "briefing": ["daily", "manana", "gone"],
        "day": [DAY.isoformat()],
        "slot": ["alert"],
        "number": [str(edition.stories[0].article.id)],
        "provider": list(PROVIDERS),
        "/u/": [house.token(Door.UNSUBSCRIBE, key)],
        "/p/": [house.token(Door.PREFERENCES, key)],
        "/c/": [house.token(Door.CONFIRM, number) for number in (asked, move, new)],
    }


def hooks_of(house: House) -> Hooks:
    return Hooks(
        {name: provider.hook() for name, provider in PROVIDERS.items()},
        ReturnsIntake(house.database, MARKS),
    )


def test_every_answer_is_as_described(house: House) -> None:
    site = house.site(hooks=hooks_of(house))
    values = genuine(house)
    schema = schemathesis.openapi.from_dict(site.openapi())
    schema.app = site
    tried = set()
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        tried.add((operation.method.upper(), operation.path))
        for mode in GenerationMode:
            try_operation(operation, mode, values)
    assert tried >= {("POST", "/join/{briefing}"), ("POST", "/hooks/{provider}")}
    assert len(tried) >= 20


def try_operation(operation: Any, mode: GenerationMode, values: dict[str, list[str]]) -> None:
    @settings(
        max_examples=MOST,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def check(case: Any, data: st.DataObject) -> None:
        if case.path_parameters and data.draw(st.booleans()):
            known = {**values, "token": values.get(operation.path[:3], [])}
            case.path_parameters = {
                name: data.draw(st.sampled_from(known[name])) for name in case.path_parameters
            }
        case.call_and_validate(checks=CHECKS)

    # A page without parameters has nothing that could be sent wrongly.
    nothing = mode is GenerationMode.NEGATIVE and "{" not in operation.path
    with suppress(Unsatisfiable) if nothing else nullcontext():
        check()


ANSWERS = {200, 403, 503}


@pytest.mark.parametrize("name", PROVIDERS)
def test_whatever_is_posted_to_a_hook_is_answered(house: House, name: str) -> None:
    """The description knows no body of a hook: it is the provider's. So it is made here, of any
    bytes, and of genuine calls in which any value is another one."""
    house.clock.at = NOW
    provider, visitor = PROVIDERS[name], Visitor(house.site(hooks=hooks_of(house)))

    @settings(max_examples=MOST, deadline=None, database=None, derandomize=True)
    @given(
        sent=st.builds(Sent, st.just({}), st.binary(max_size=300))
        | ANY_JSON.map(provider.sign)
        | spoilt(provider.bounce).map(provider.sign)
    )
    def check(sent: Sent) -> None:
        answer = visitor.post(f"/hooks/{name}", content=sent.body, headers=dict(sent.headers))
        assert answer.status_code in ANSWERS

    check()


ANY_JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def spoilt(genuine: Any) -> st.SearchStrategy[Any]:
    """A genuine value in which some part, or the whole, is something else."""
    whole: st.SearchStrategy[Any]
    if isinstance(genuine, dict):
        whole = st.fixed_dictionaries({name: spoilt(part) for name, part in genuine.items()})
    elif isinstance(genuine, list):
        whole = st.tuples(*map(spoilt, genuine)).map(list)
    else:
        return st.just(genuine) | st.just(genuine) | ANY_JSON
    return whole | whole | ANY_JSON
