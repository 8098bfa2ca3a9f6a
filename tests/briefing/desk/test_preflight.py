"""Proofs: made once for an edition as it stands, and never in the way of each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from briefing.composition import Composed
from briefing.desk import Desk
from briefing.desk.preflight import Preflight
from briefing.errors import EmptyEdition, ThemeError
from briefing.model import Edition, User
from tests.kit.newsroom import NOW


class Counted:
    """Composes as the desk does, and counts."""

    def __init__(self, desk: Desk, before: Callable[[], object] = lambda: None) -> None:
        self.desk = desk
        self.before = before
        self.seen: list[Edition] = []

    def __call__(self, edition: Edition) -> Composed:
        self.seen.append(edition)
        self.before()
        return self.desk.show(edition).composed

    def proofs(self) -> Preflight:
        return Preflight(self.desk.publication, self.desk.briefing, self)


def test_an_edition_is_composed_once(desk: Desk, draft: Edition) -> None:
    counted = Counted(desk)
    proofs = counted.proofs()

    proof = proofs.of(draft)

    assert proofs.of(desk.edition(desk.briefing(), draft.day)) is proof
    assert counted.seen == [draft]


def test_it_tells_what_leaves_what_is_wrong_and_what_it_weighs(desk: Desk, draft: Edition) -> None:
    proof = desk.proofs.of(replace(draft, subject="A {{ name }} of " + "x" * 150))

    assert "A {{ name }} of" in proof.composed.composition.subject
    assert proof.findings
    headlines = {story.shown_headline for story in draft.stories}
    assert set(proof.weights) == headlines
    assert 0 < sum(proof.weights.values()) < proof.size
    slots = proof.composed.composition.html.count("slot.invalid")
    assert slots
    assert proof.size != len(proof.composed.composition.html.encode())


def test_an_edit_makes_another(desk: Desk, draft: Edition, ana: User) -> None:
    counted = Counted(desk)
    proofs = counted.proofs()
    before = proofs.of(draft)
    story = draft.stories[0].article.id or 0

    saved = desk.editing.rewrite(draft.id, story, headline="Other", seen=1, who=ana, now=NOW)
    after = proofs.of(saved.edition)

    assert "Other" in after.composed.composition.text
    assert "Other" not in before.composed.composition.text
    assert proofs.of(draft) is before
    assert len(counted.seen) == 2


def test_the_last_few_are_kept_and_no_more(desk: Desk, draft: Edition) -> None:
    counted = Counted(desk)
    proofs = counted.proofs()
    many = [replace(draft, subject=f"Subject {number}") for number in range(17)]
    for edition in many[:16]:
        proofs.of(edition)
    proofs.of(many[0])  # looked at again, so not the next to go

    proofs.of(many[16])
    counted.seen.clear()
    for edition in (many[0], *many[2:]):
        proofs.of(edition)
    assert counted.seen == []
    proofs.of(many[1])
    assert counted.seen == [many[1]]


def test_what_fails_is_tried_again(desk: Desk, draft: Edition) -> None:
    faults = [ThemeError("a brace is missing")]

    def fail_once() -> None:
        if faults:
            raise faults.pop()

    proofs = Counted(desk, fail_once).proofs()

    with pytest.raises(ThemeError, match="a brace is missing"):
        proofs.of(draft)
    assert proofs.of(draft).edition == draft


def test_an_edition_without_stories_has_none(desk: Desk, draft: Edition) -> None:
    with pytest.raises(EmptyEdition):
        desk.proofs.of(replace(draft, stories=()))


def test_who_waits_for_one_edition_does_not_wait_for_another(desk: Desk, draft: Edition) -> None:
    # Both are being composed at the same time, or the barrier breaks.
    both = threading.Barrier(2, timeout=10)
    proofs = Counted(desk, both.wait).proofs()
    editions = [replace(draft, subject=f"Subject {number}") for number in range(2)]

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(proofs.of, editions))

    assert [proof.edition for proof in made] == editions


def test_two_who_ask_for_the_same_get_the_same(desk: Desk, draft: Edition) -> None:
    both = threading.Barrier(2, timeout=10)
    proofs = Counted(desk, both.wait).proofs()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(proofs.of, [draft, draft])

    assert (one.findings, one.size) == (other.findings, other.size)
    both.abort()
    assert proofs.of(draft).size == one.size
