"""Limits keep strangers from being mailed, and are of no use against a reader."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from briefing.web import JoinRules
from subscribers import limits
from tests.briefing.web.conftest import READER, House, Visitor


@pytest.mark.parametrize("act", ["download", "erase"])
def test_keep_a_reader_from_their_rights_by_signing_them_up(house: House, act: str) -> None:
    key = house.join()
    visitor = Visitor(house.site(rules=JoinRules(per_address=3, per_network=1000)))
    for _ in range(10):
        visitor.post("/join/daily", {"email": READER})
    house.send_notices()

    visitor.post(house.choosing(key), {"act": act})

    assert [letter.to for letter in house.send_notices()] == [READER]


def test_keep_a_reader_from_erasure_by_asking_for_their_data(
    house: House, visitor: Visitor
) -> None:
    key = house.join()
    for _ in range(10):
        visitor.post(house.choosing(key), {"act": "download"})
    house.send_notices()

    visitor.post(house.choosing(key), {"act": "erase"})

    assert [letter.subject for letter in house.send_notices()] == [
        "Confirm that we shall erase your data"
    ]


@pytest.mark.parametrize(
    "spellings",
    [
        [f"anna+{n}@readers.example" for n in range(9)],
        ["a.nna@gmail.com", "an.na@gmail.com", "anna@googlemail.com", "A.N.N.A+x@Gmail.com"],
    ],
)
def test_mail_one_mailbox_often_by_spelling_its_address_differently(
    house: House, spellings: list[str]
) -> None:
    visitor = Visitor(house.site(rules=JoinRules(per_address=2, per_network=1000)))
    for address in spellings:
        visitor.post("/join/daily", {"email": address})

    letters = house.send_notices()

    # Each goes to the address as it was written: what is alike is alike for counting only.
    assert [letter.to.lower() for letter in letters] == [one.lower() for one in spellings[:2]]


def test_sign_up_thousands_from_one_line_by_another_network_each_time(house: House) -> None:
    site = house.site(rules=JoinRules(per_address=9, per_network=3))

    def sign_up(network: str, number: int) -> int:
        transport = httpx.ASGITransport(site, client=(f"2001:db8:7:{network}::1", 1))

        async def post() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
                form = {"email": f"r{number}@readers.example"}
                return await client.post("/join/daily", data=form)

        return asyncio.run(post()).status_code

    taken = [sign_up(f"{number:x}", number) for number in range(20)]

    assert taken == [200] * 12 + [429] * 8


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("anna@readers.example", "anna@readers.example"),
        ("anna+news+more@readers.example", "anna@readers.example"),
        ("+anna@readers.example", "+anna@readers.example"),
        ("a.n.na@readers.example", "a.n.na@readers.example"),
        ("a.n.na+x@gmail.com", "anna@gmail.com"),
        ("anna@googlemail.com", "anna@gmail.com"),
        ("ＡＮＮＡ@readers.example", "anna@readers.example"),
    ],
)
def test_what_an_address_counts_as(address: str, counted: str) -> None:
    assert limits.mailbox_of(address) == counted
