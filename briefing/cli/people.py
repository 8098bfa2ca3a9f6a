"""subscribers …: the roll."""

from __future__ import annotations

from typing import Annotated

import typer

from briefing.cli.console import (
    Json,
    Reason,
    Slug,
    commands,
    plural,
    printable,
    report,
    report_line,
    say,
    session,
)
from briefing.cli.export import Status, export
from briefing.cli.moving import import_file
from briefing.errors import JobError, UsageError
from subscribers import roll
from subscribers.addresses import Address as Checked
from subscribers.addresses import AddressRefused, read_address

app = commands("subscribers", "The people on the list.")
app.command("import")(import_file)
app.command("export")(export)

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]


@app.command()
def add(
    context: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS")],
    name: Annotated[str, typer.Option(metavar="NAME", help="How the person is addressed.")] = "",
    sections: Annotated[
        str,
        typer.Option(metavar="SLUG,…", help="Only these sections, by slug; all where not given."),
    ] = "",
    briefing: Slug = "",
    as_json: Json = False,
) -> None:
    """Put people on the roll who have agreed to it.

    If one address is wrong, nobody is added.
    """
    run = session(context)
    chosen = run.briefing(briefing)
    wanted = [slug.strip() for slug in sections.split(",") if slug.strip()]
    unknown = [slug for slug in wanted if slug not in chosen.section_slugs]
    if unknown:
        raise UsageError(
            f"there is no section “{printable(unknown[0])}” in “{chosen.slug}”",
            hint=f"choose from {', '.join(chosen.section_slugs)}",
        )
    if not name.isprintable():
        raise UsageError(
            f"the name “{printable(name)}” holds a line break or control character",
            hint="write it on one line; nobody was added",
        )
    results = []
    try:
        with run.app.database.write() as connection:
            for address in addresses:
                added = roll.add(
                    connection,
                    address,
                    [chosen.slug],
                    now=run.app.clock(),
                    actor="operator",
                    name=name,
                    sections=wanted,
                )
                results.append((address, added))
    except AddressRefused as refused:
        raise UsageError(str(refused), hint="correct it; nobody was added") from refused
    kept_out = sum(result is roll.Added.SUPPRESSED for _, result in results)
    report(
        {"results": [{"address": a, "result": r.value} for a, r in results]},
        "\n".join(f"{a}: {r}" for a, r in results),
        as_json=as_json,
        failure=JobError(
            f"{plural(kept_out, 'suppressed address', 'suppressed addresses')} not added",
            hint="see why with `briefing subscribers show ADDRESS`; `release` lifts it",
        )
        if kept_out
        else None,
    )


@app.command("list")
def list_people(
    context: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only these.", show_choices=True)] = None,
    briefing: Annotated[
        str, typer.Option(metavar="SLUG", help="Only readers of this briefing.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Everybody on the roll, one a line.

    With --json an object a line, so that a long list can be read as it comes.
    """
    run = session(context)
    wanted = run.briefing(briefing).slug if briefing else ""
    count = 0
    with run.app.database.read() as connection:
        for person in roll.people(connection, briefing=wanted, status=status or ""):
            count += 1
            if as_json:
                report_line(_facts(person))
            else:
                say(_line(person))
    if not as_json:
        say(plural(count, "subscriber"))


@app.command()
def show(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """One person's row and everything that happened to it."""
    run = session(context)
    checked = _checked(address)
    with run.app.database.read() as connection:
        person = next(iter(roll.people(connection, address=address)), None)
        if person is None:
            reason = roll.suppression_of(connection, checked)
            if reason is None:
                raise JobError(
                    f"{address} is not on the roll", hint="see `briefing subscribers list`"
                )
            report(
                {"address": address, "status": "suppressed", "reason": reason.value},
                f"{address} is not on the roll, and may not be added: {reason}",
                as_json=as_json,
            )
            return
        story = roll.story_of(connection, person.id)
    lines = [_line(person)]
    lines += [
        f"  {e['at']:%Y-%m-%d %H:%M} UTC  {e['kind']} by {e['actor']}"
        + "".join(
            f", {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
            for key, value in e.items()
            if key not in ("at", "kind", "actor") and value
        )
        for e in story
    ]
    report({**_facts(person), "events": story}, "\n".join(lines), as_json=as_json)


@app.command()
def suppress(
    context: typer.Context,
    address: Address,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Never mail an address again, whether or not it is on the roll."""
    run = session(context)
    _checked(address)
    with run.app.database.write() as connection:
        roll.suppress(
            connection,
            address,
            roll.Suppressed.MANUAL,
            now=run.app.clock(),
            actor="operator",
            detail=reason,
        )
    report({"address": address, "suppressed": True}, f"{address} is suppressed", as_json=as_json)


@app.command()
def release(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Lift a suppression; only with the person's word.

    It takes back the strictest reason alone: a weaker one beneath it stands again.
    """
    run = session(context)
    checked = _checked(address)
    with run.app.database.write() as connection:
        lifted = roll.release(connection, address, now=run.app.clock(), actor="operator")
        still = roll.suppression_of(connection, checked)
    if not lifted:
        raise JobError(
            f"{address} is not suppressed", hint="see `briefing subscribers show ADDRESS`"
        )
    report(
        {"address": address, "released": True, "still": still.value if still else None},
        f"{address} is released"
        + (f", and still suppressed: {still}; release it again to lift that" if still else ""),
        as_json=as_json,
    )


@app.command()
def erase(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Remove everything held on a person.

    Only a one-way mark stays, so that no import brings the address back.
    """
    run = session(context)
    _checked(address)
    with run.app.database.write() as connection:
        known = roll.erase(connection, address, now=run.app.clock())
    report(
        {"address": address, "erased": True, "was_on_roll": known},
        f"{address} is erased" + ("" if known else " (it was not on the roll)"),
        as_json=as_json,
    )


def _checked(address: str) -> Checked:
    try:
        return read_address(address)
    except AddressRefused as refused:
        raise UsageError(str(refused), hint="write it as name@example.org") from refused


def _line(person: roll.Person) -> str:
    what = person.status + (f" ({person.reason})" if person.reason else "")
    briefings = ", ".join(
        slug + (f" [{', '.join(sections)}]" if sections else "")
        for slug, sections in person.briefings.items()
    )
    return "  ".join(part for part in (person.address, person.name, what, briefings) if part)


def _facts(person: roll.Person) -> dict[str, object]:
    return {
        "address": person.address,
        "name": person.name,
        "status": person.status,
        "reason": person.reason,
        "language": person.language,
        "created_at": person.created_at.isoformat(),
        "briefings": {slug: list(sections) for slug, sections in person.briefings.items()},
    }
