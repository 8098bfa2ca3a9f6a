"""dkim: keys that mail is signed with, and the DNS records that go with them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from briefing.cli.console import Json, commands, report, session
from briefing.composition.keys import describe, make_key, read_key, record, split_record
from briefing.config.addresses import domain as read_domain
from briefing.config.values import InvalidValue
from briefing.config.values import slug as read_slug
from briefing.errors import UsageError

app = commands("dkim", "Keys that mail is signed with.")

Selector = Annotated[
    str, typer.Option(metavar="NAME", help="The name that the public keys have in the DNS.")
]
Domain = Annotated[
    str, typer.Option(metavar="DOMAIN", help="Who signs; by default the first briefing's domain.")
]


@app.command()
def keygen(
    context: typer.Context,
    selector: Selector = "briefing",
    domain: Domain = "",
    as_json: Json = False,
) -> None:
    """Make an RSA and an Ed25519 key, and print what to publish and to configure.

    The keys are written into the folder dkim/ beside the configuration, for their owner alone.
    """
    run = session(context)
    try:
        signs = read_domain(domain) if domain else _first_domain(context)
        named = read_slug(selector)
    except InvalidValue as refused:
        raise UsageError(f"“{domain or selector}” {refused.reason}", hint=refused.hint) from None
    folder = run.path.absolute().parent / "dkim"
    pairs = [
        (kind, name, folder / f"{named}.{kind}.pem")
        for kind, name in (("rsa", named), ("ed25519", f"{named}-ed"))
    ]
    for _, _, path in pairs:
        if path.exists():
            raise UsageError(
                f"{path} exists already",
                hint="choose another --selector: mail on its way needs the old key in the DNS",
            )
    found = [(name, record(make_key(kind, path))) for kind, name, path in pairs]
    (_, rsa_name, rsa_path), (_, ed_name, ed_path) = pairs
    report(
        {
            "domain": signs,
            "keys": [str(path) for _, _, path in pairs],
            "records": [_facts(name, signs, text) for name, text in found],
        },
        f"wrote {rsa_path}\nwrote {ed_path}\n\n"
        "Publish in the DNS:\n\n"
        + "\n".join(describe(name, signs, text) for name, text in found)
        + "\n\nWhen `briefing doctor` sees both, add to the configuration:\n\n"
        f'[dkim]\nkey_file = "dkim/{rsa_path.name}"\nselector = "{rsa_name}"\n'
        f'ed25519_key_file = "dkim/{ed_path.name}"\ned25519_selector = "{ed_name}"',
        as_json=as_json,
    )


@app.command()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Print the DNS records of the keys that are configured."""
    config = session(context).config
    if config.dkim is None:
        raise UsageError(
            "no key is configured",
            hint="make one with `briefing dkim keygen`, and name it in [dkim]",
        )
    domains = [config.dkim.domain] if config.dkim.domain else _domains(context)
    found = [
        (selector, signs, record(read_key(selector, path).private))
        for signs in domains
        for selector, path in config.dkim.keys
    ]
    report(
        {"records": [_facts(*one) for one in found]},
        "\n".join(describe(*one) for one in found),
        as_json=as_json,
    )


def _first_domain(context: typer.Context) -> str:
    return _domains(context)[0]


def _domains(context: typer.Context) -> list[str]:
    briefings = session(context).config.briefings
    return list(dict.fromkeys(it.from_address.rpartition("@")[2] for it in briefings))


def _facts(selector: str, domain: str, text: str) -> dict[str, Any]:
    return {"name": f"{selector}._domainkey.{domain}", "type": "TXT", "strings": split_record(text)}
