"""Somebody who had left elsewhere wants no mail: no export may make them an active reader.

Headers and values are those of real tools, and of tools we have never seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from briefing.store import Connection, Database
from subscribers.importing import FileRefused
from subscribers.importing.columns import Use
from subscribers.importing.standing import ImportedStatus
from tests.kit.moving import bring_in, standing

ANA, BOB = "ana@readers.example", "bob@readers.example"
ACTIVE, PENDING = ("active", ""), ("pending", "")
LEFT, BOUNCED, COMPLAINED, BARRED = (
    ("suppressed", reason) for reason in ("unsubscribed", "bounce", "complaint", "manual")
)


@pytest.fixture
def connection(sqlite: Database) -> Iterator[Connection]:
    """An open transaction: how a file is read has nothing to do with the database."""
    with sqlite.write() as connection:
        yield connection


def two(header: str, ana: str, bob: str) -> str:
    """A file of a reader, and of somebody who had left."""
    return f'email,"{header}"\n{ANA},"{ana}"\n{BOB},"{bob}"\n'


@pytest.mark.parametrize(
    ("header", "reads", "gone", "expected"),
    [
        ("state", "active", "cancelled", LEFT),  # Kit
        ("state", "active", "complained", COMPLAINED),
        ("state", "active", "bounced", BOUNCED),
        ("Unsubscribed from all email", "", "true", LEFT),  # HubSpot
        ("Opted out of email: Marketing Information", "", "true", LEFT),
        ("Email hard bounce reason", "", "UNKNOWN_USER", BOUNCED),
        ("Marketing contact status", "Marketing contact", "Non-marketing contact", PENDING),
        ("EMAIL_BLACKLISTED", "No", "Yes", BARRED),  # Brevo
        ("Blocklisted email", "NO", "YES", BARRED),
        ("HasOptedOutOfEmail", "0", "1", LEFT),  # Salesforce
        ("Email Opt Out", "FALSE", "TRUE", LEFT),  # Zoho
        ("doNotContact", "0", "1", LEFT),  # Mautic
        ("Do Not Contact", "", "x", LEFT),
        ("Email Marketing Consent", "SUBSCRIBED", "UNSUBSCRIBED", LEFT),  # Klaviyo
        ("Email Marketing Consent", "SUBSCRIBED", "NEVER_SUBSCRIBED", PENDING),
        ("Email permission status", "Express", "Unsubscribed", LEFT),  # Constant Contact
        ("Email status", "Active", "No Permissions Set", PENDING),
        ("Confirmed Opt-Out Date", "", "2021-03-02", LEFT),
        ("Stop Time", "", "03/02/21 09:15", LEFT),  # AWeber
        ("Is the email of this user confirmed", "1", "0", PENDING),  # phpList
        ("Is this user blacklisted", "0", "1", BARRED),
        ("delivery_status", "enabled", "by_bounces", BOUNCED),  # Mailman
        ("reception", "active", "nomail", LEFT),  # Sympa
        ("Status", "Subscribed", "Archived", BARRED),
        ("is_subscribed", "true", "false", LEFT),
        ("subscribed", "1", "0", LEFT),
        ("opt_out", "no", "yes", LEFT),
        ("hard_bounced", "0", "1", BOUNCED),
        ("marketing_consent", "TRUE", "FALSE", LEFT),
        ("accepts_marketing", "yes", "no", LEFT),
        ("double_optin", "confirmed", "pending", PENDING),
        ("email_verified", "t", "f", PENDING),
        ("email_verified_at", "2021-03-02", "", PENDING),
        ("not subscribed", "no", "yes", LEFT),
        ("last_unsubscribe_on", "", "02.03.2021", LEFT),
        ("spam_complaints", "0", "1", COMPLAINED),
        ("Statut", "Abonné", "Désabonné", LEFT),
        ("Date de désinscription", "", "02/03/2021", LEFT),
        ("Status", "Angemeldet", "Abgemeldet", LEFT),
        ("Abmeldedatum", "", "02.03.2021", LEFT),
        ("Newsletter abonniert", "Ja", "Nein", LEFT),
        ("Estado", "Activo", "Dado de baja", LEFT),
        ("Fecha de baja", "", "02/03/2021", LEFT),
        ("suscrito", "sí", "no", LEFT),
        ("Status", "Ativo", "Inativo", LEFT),
        ("Situação", "Ativo", "Descadastrado", LEFT),
        ("Stato", "Iscritto", "Disiscritto", LEFT),
        ("Status", "Ingeschreven", "Uitgeschreven", LEFT),
        ("Datum uitschrijving", "", "2021-03-02", LEFT),
        ("Tags", "vip", "vip, Unsubscribed", LEFT),
        ("IsExcludedFromCampaigns", "false", "true", LEFT),  # Mailjet
        ("donotbulkemail", "False", "True", LEFT),  # Dynamics
        ("non_transactional", "false", "true", LEFT),  # SparkPost
        ("activated", "1600000000", "0", PENDING),  # CleverReach
        ("Exclu", "non", "oui", LEFT),
        ("NPAI", "", "1", BOUNCED),
        ("Sperrvermerk", "", "ja", BARRED),
        ("Nieuwsbrief", "ja", "nee", LEFT),
        ("Recebe boletim", "sim", "não", LEFT),
    ],
)
def test_a_word_of_leaving_is_understood(
    connection: Connection, header: str, reads: str, gone: str, expected: tuple[str, str]
) -> None:
    bring_in(connection, two(header, reads, gone))

    assert standing(connection) == {ANA: ACTIVE, BOB: expected}


@pytest.mark.parametrize(
    ("header", "reads", "gone"),
    [
        ("state", "active", "zapped"),
        ("Statut", "Abonné", "Parti"),
        ("Abo", "aktiv", "ruht"),
        ("user_status", "1", "0"),
        ("flag", "active", "inactive"),
        ("group", "readers", "unsubscribed"),
        ("plan", "gold", "Unsubscribed"),
        ("Lists", "Weekly", "Weekly; Unsubscribed contacts"),
        ("Tags", "vip", "unsubscribed-2023, vip"),
        ("Remarks", "likes long reads", "asked to be unsubscribed"),
        ("Newsletter", "x", ""),
        ("consent_given_at", "2021-03-02", ""),
        ("Active member", "yes", "no"),
        ("Mailing frequency", "weekly", "never"),
        ("Einwilligung", "liegt vor", "widerrufen"),
        ("Contact type", "Reader", "Former subscriber"),
        ("custom", '{""a"": 1}', '{""unsubscribed"": true}'),
        ("Account blocked reason", "", "wish"),
        ("optin_status", "S", "U"),  # Vertical Response
        ("member_status_id", "a", "o"),  # Emma
        ("listsub.status", "1", "-1"),  # AcyMailing
        ("On Hold", "0", "2"),  # CiviCRM
        ("subscribed_since", "1600000000", "0"),
        ("Keep on list?", "yes", "no"),
        ("Mail OK", "Y", "N"),
        ("Sub", "Y", "N"),
        ("Comments", "hello", "please remove me from your list"),
        ("Bemerkung", "grüßt", "Bitte keine Mails mehr"),
        ("Notes", "hello", "no more emails please"),
        ("Notes", "hello", "met in Rome " * 6 + "and then he unsubscribed from the daily"),
        ("Complaint topic", "", "housing"),
        ("Does not want email", "no", "yes"),
        ("Bad email", "0", "1"),
        ("Wil geen nieuwsbrief", "nee", "ja"),
    ],
)
def test_a_column_that_may_say_who_left_refuses_the_file(
    connection: Connection, header: str, reads: str, gone: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        bring_in(connection, two(header, reads, gone), keep_going=True)

    assert f"“{header}”" in str(refused.value)
    assert "--column" in refused.value.hint
    assert standing(connection) == {}


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Country", "CA NO FR"),
        ("State", "CA NY ON"),
        ("Estado", "Jalisco Oaxaca"),
        ("Marital status", "single separated widowed"),
        ("Immigration status", "pending refused granted"),
        ("Visa status", "cancelled active"),
        ("Order status", "shipped cancelled"),
        ("Payment status", "paid failed refused"),
        ("Language", "en no"),
        ("Plan", "gold silver cancelled"),
        ("Hand", "left right"),
        ("Gender", "f m x"),
        ("Company", "Bounce&nbsp;Ltd Spamhaus"),
        ("Occupation", "inactive student"),
        ("SMS opt out", "yes no"),
        ("Do Not Call", "1 0"),
        ("SMS_BLACKLISTED", "Yes No"),
        ("Accepts cookies", "yes no"),
        ("Email type", "html text"),
        ("Emails opened", "3 0 12"),
        ("Signup form", "footer popup"),
        ("Unsubscribe link", "https://t.example/u/1 https://t.example/u/2"),
        ("Bounce rate", "0.1 0"),
        ("Birthday", "1980-01-01 1990-02-02"),
        ("Likes sport", "yes no"),
        ("Postcode", "10115 SW1A"),
        ("Mailing State", "CA NO"),  # Salesforce
        ("Mailing Country", "NO US"),
        ("Consent to Track", "Yes No Unchanged"),  # Campaign Monitor
        ("Accreditation status", "accredited rejected"),
    ],
)
def test_an_innocent_column_is_kept_and_refuses_nobody(
    connection: Connection, header: str, cells: str
) -> None:
    people = [f"p{n}@readers.example" for n, _ in enumerate(cells.split())]
    rows = zip(people, cells.split(), strict=True)
    bring_in(connection, f'email,"{header}"\n' + "".join(f"{p},{cell}\n" for p, cell in rows))

    assert standing(connection) == dict.fromkeys(people, ACTIVE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unsubscribed.csv", LEFT),
        ("suppression_group_unsubscribes.csv", LEFT),  # SendGrid
        ("suppression_spam_reports.csv", COMPLAINED),
        ("suppression_bounces.csv", BOUNCED),
        ("suppression_blocks.csv", BARRED),
        ("cleaned_2024.csv", BOUNCED),
        ("Abgemeldete Kontakte.csv", LEFT),
        ("désabonnés.csv", LEFT),
        ("bajas-2023.csv", LEFT),
        ("uitgeschreven.csv", LEFT),
        ("opt-outs.csv", LEFT),
        ("unconfirmed.csv", PENDING),
        ("contacts_2024.csv", ACTIVE),
    ],
)
def test_a_file_that_is_a_list_of_opt_outs_is_known_by_its_name(
    connection: Connection, name: str, expected: tuple[str, str]
) -> None:
    bring_in(connection, f"email,name\n{BOB},Bob\n", name=name)

    assert standing(connection) == {BOB: expected}


def test_a_file_of_both_by_its_name_has_to_say_who_is_who(connection: Connection) -> None:
    with pytest.raises(FileRefused, match="its name"):
        bring_in(connection, f"email\n{BOB}\n", name="subscribed_and_unsubscribed.csv")

    bring_in(connection, two("status", "active", "left"), name="with_unsubscribed.csv")
    assert standing(connection) == {ANA: ACTIVE, BOB: LEFT}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1252"])
def test_a_spreadsheet_in_another_encoding_is_understood_alike(
    connection: Connection, encoding: str
) -> None:
    content = f"E-Mail;Statut\n{ANA};Abonné\n{BOB};Désabonné\n".encode(encoding)

    bring_in(connection, content, encoding="windows-1252" if encoding[0] == "w" else "")

    assert standing(connection) == {ANA: ACTIVE, BOB: LEFT}


def test_an_opt_out_deep_in_a_long_file_is_found(connection: Connection) -> None:
    rows = [f"p{n}@readers.example,group {n}\n" for n in range(3000)]
    rows[2500] = f"{BOB},unsubscribed\n"

    with pytest.raises(FileRefused, match="unsubscribed"):
        bring_in(connection, "email,kind\n" + "".join(rows))


def test_the_strictest_of_contradicting_columns_counts(connection: Connection) -> None:
    content = f"email,status,is_subscribed,hard_bounced\n{ANA},active,1,0\n{BOB},active,0,1\n"

    bring_in(connection, content)

    assert standing(connection) == {ANA: ACTIVE, BOB: LEFT}


def test_what_the_operator_says_settles_a_column(connection: Connection) -> None:
    content = two("state", "active", "zapped")
    with pytest.raises(FileRefused) as refused:
        bring_in(connection, content)
    assert "“active” (1)" in str(refused.value)
    assert "--column state=status --value zapped=left" in refused.value.hint

    outcome = bring_in(
        connection,
        content,
        columns={"State": Use.STATUS},
        values={"zapped": ImportedStatus.UNSUBSCRIBED},
    )

    assert standing(connection) == {ANA: ACTIVE, BOB: LEFT}
    assert [(tuple(why), rows) for why, rows in outcome.reasons.items()] == [
        (("state", "zapped", ImportedStatus.UNSUBSCRIBED), 1)
    ]


def test_a_column_about_something_else_is_kept_where_the_operator_says_so(
    connection: Connection,
) -> None:
    content = two("flag", "active", "inactive")

    bring_in(connection, content, columns={"flag": Use.ATTRIBUTE})

    assert standing(connection) == {ANA: ACTIVE, BOB: ACTIVE}


def test_a_column_that_no_file_has_is_refused(connection: Connection) -> None:
    with pytest.raises(FileRefused, match="no file has a column"):
        bring_in(connection, two("flag", "a", "b"), columns={"state": Use.STATUS})


def test_long_cells_do_not_stall_an_import(connection: Connection) -> None:
    cell = '{""' + "unsub" * 26_000
    rows = "".join(f'{n},p{n}@readers.example,"{cell}{n}",enabled\n' for n in range(10))
    began = time.process_time()

    bring_in(connection, "uuid,email,attributes,status\n" + rows)

    assert time.process_time() - began < 5  # it was 20 s
    assert len(standing(connection)) == 10


def test_a_member_of_json_that_denies_leaving_is_kept(connection: Connection) -> None:
    bring_in(connection, two("custom", '{""unsubscribed"": false}', '{""bounces"": 0}'))

    assert standing(connection) == {ANA: ACTIVE, BOB: ACTIVE}
