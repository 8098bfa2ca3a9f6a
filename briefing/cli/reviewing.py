"""returns review, returns show: what came back, what was believed and why, what it changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from briefing.app import build_returned
from briefing.cli.console import Json, commands, plural, printable, report, session
from briefing.errors import JobError, UsageError, name_user
from briefing.store import reviews
from briefing.store.reviews import ReviewedReturn
from subscribers import roll
from subscribers.addresses import AddressRefused

__all__ = ["review", "show"]

review = commands("review", "Returns that nothing vouches for: look, accept, dismiss.")

Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER", min=1)]

_GROUNDS: Final[Mapping[str, str]] = {
    "mark": "believed, for it carries our signed mark",
    "webhook": "believed, for the provider's call was verified",
    "reporter": "believed, for a configured reporter signed it",
    "no-mark": "not believed, for anybody can write it: it has no mark of ours",
    "verp": "not believed: it has no mark, which each of our mails has",
    "not-sent": "not believed: that edition did not go to this reader",
    "too-old": "not believed: that edition left longer ago than mail takes to bounce",
    "": "kept before returns had grades",
}
_EFFECTS: Final[Mapping[str, str]] = {
    "suppressed": "taken off the roll",
    "unsubscribed": "taken off the briefing",
    "counted": "counted as a soft bounce",
    "noted": "noted",
    "repeated": "changed nothing: it was known of that edition",
    "outdated": "changed nothing: they have moved or were released since",
    "": "changed nothing",
}


@review.callback(invoke_without_command=True, no_args_is_help=False)
def listing(context: typer.Context, as_json: Json = False) -> None:
    """List what waits, oldest first; `accept` and `dismiss` settle it by number."""
    if context.invoked_subcommand is not None:
        return
    run = session(context)
    waiting = build_returned(run.app).intake.waiting()
    facts = [{**_facts(one.returned), "address": one.address} for one in waiting]
    lines = [f"{_head(one.returned)}  {one.address}{_words(one.returned)}" for one in waiting]
    lines.append(f"{plural(len(waiting), 'return')} to review")
    report({"waiting": facts}, "\n".join(lines), as_json=as_json)


@review.command()
def accept(context: typer.Context, numbers: Numbers = None, as_json: Json = False) -> None:
    """Believe these returns, as if they were vouched for."""
    run = session(context)
    if not numbers:
        raise UsageError("no number is given", hint="see `briefing returns review`")
    intake, by = build_returned(run.app).intake, name_user()
    effects = {n: intake.accept(n, by=by, now=run.app.clock()) for n in dict.fromkeys(numbers)}
    done = {number: effect for number, effect in effects.items() if effect is not None}
    report(
        {"accepted": [{"number": number, "effect": effect} for number, effect in done.items()]},
        "\n".join(f"{number}: {_EFFECTS.get(effect, effect)}" for number, effect in done.items()),
        as_json=as_json,
        failure=_missing(number for number, effect in effects.items() if effect is None),
    )


@review.command()
def dismiss(
    context: typer.Context,
    numbers: Numbers = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever waits.")] = False,
    as_json: Json = False,
) -> None:
    """Lay these returns aside: they change nothing."""
    run = session(context)
    if bool(numbers) == everything:
        raise UsageError("write either numbers or --all", hint="see `briefing returns review`")
    intake, by = build_returned(run.app).intake, name_user()
    done: list[int] = []
    missing: list[int] = []
    while wanted := list(dict.fromkeys(numbers or [it.returned.id for it in intake.waiting()])):
        for number in wanted:
            known = intake.dismiss(number, by=by, now=run.app.clock())
            (done if known else missing).append(number)
        if not everything:
            break
    report(
        {"dismissed": done},
        f"{plural(len(done), 'return')} dismissed",
        as_json=as_json,
        failure=_missing(missing),
    )


def show(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    as_json: Json = False,
) -> None:
    """Tell what came back about one reader, what was believed, and what it changed."""
    run = session(context)
    try:
        with run.app.database.read() as connection:
            person = next(iter(roll.people(connection, address=address)), None)
            kept = reviews.story_of(connection, person.id) if person else []
            ids = {one.edition_id for one in kept if one.edition_id is not None}
            named = reviews.editions_of(connection, ids)
    except AddressRefused as refused:
        raise UsageError(str(refused), hint="write one such as anna@example.org") from refused
    if person is None:
        raise JobError(
            f"{printable(address)} is not on the roll", hint="see `briefing subscribers list`"
        )
    facts = [{**_facts(it), "edition": named.get(it.edition_id or 0, "")} for it in kept]
    lines = [
        f"{person.address}: {person.status}" + (f" ({person.reason})" if person.reason else "")
    ]
    lines += [_line(it, named.get(it.edition_id or 0, "")) for it in kept]
    if not kept:
        lines.append("nothing has come back")
    report(
        {
            "address": person.address,
            "status": person.status,
            "reason": person.reason,
            "returns": facts,
        },
        "\n".join(lines),
        as_json=as_json,
    )


def _missing(numbers: Any) -> JobError | None:
    absent = ", ".join(map(str, numbers))
    if not absent:
        return None
    return JobError(
        f"no return of that number waits: {absent}", hint="see `briefing returns review`"
    )


def _facts(kept: ReviewedReturn) -> dict[str, Any]:
    return {
        "number": kept.id,
        "received_at": kept.received_at.isoformat(),
        "provider": kept.provider,
        "kind": kept.kind.value,
        "status": kept.status,
        "words": kept.words,
        "belief": kept.belief.value,
        "ground": kept.ground,
        "declared": kept.declared.value,
        "effect": kept.effect,
        "review": kept.review.value,
        "reviewed_by": kept.reviewed_by,
    }


def _head(kept: ReviewedReturn) -> str:
    said = " ".join(filter(None, (kept.kind.value, kept.status)))
    return f"{kept.id:>6}  {kept.received_at:%Y-%m-%d %H:%M} UTC  {kept.provider}: {said}"


def _words(kept: ReviewedReturn) -> str:
    return f"\n        “{printable(kept.words)}”" if kept.words else ""


def _line(kept: ReviewedReturn, edition: str) -> str:
    belief = _GROUNDS.get(kept.ground, kept.ground)
    if kept.review:
        told = {"open": "waits for review"}.get(kept.review.value, kept.review.value)
        belief += f"; {told}" + (f" by {kept.reviewed_by}" if kept.reviewed_by else "")
    if kept.declared:
        belief += f"; the provider declared it {kept.declared.value}"
    about = f" of {edition}" if edition else ""
    effect = _EFFECTS.get(kept.effect, kept.effect)
    return f"{_head(kept)}{about}{_words(kept)}\n        {belief}; {effect}"
