"""What signing one message costs, against dkimpy and against RSA alone (`openssl speed`).

Promised: 2,000 messages of 40 KB a second and core, and no more CPU than two RSA-2048 signatures.

Run: .venv/bin/python tests/bench/bench_dkim.py
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from briefing.composition.dkim import SIGNED, DkimSigner, Key, sign_with
from briefing.model import Recipient
from tests.kit import mails

DOMAIN = "alienroad.example"
SIZE = 40_000


def write_letters(count: int) -> list[tuple[bytes, bytes]]:
    """Header and body of so many readers' mails of `SIZE` bytes."""
    letters = mails.letters("gazette", "full_day")
    template = letters.template("")
    assert template is not None
    written = []
    for number in range(1, count + 1):
        reader = Recipient(number, number, f"reader{number}@reader.example", "Ana Gómez")
        head, body = template.splice(
            reader.address, reader.name, f"a.{number}", letters.links(reader)
        )
        body += (b"x" * 74 + b"\r\n") * max(0, (SIZE - len(head) - len(body)) // 76)
        written.append((head, body))
    return written


def measure(work: Callable[[bytes, bytes], object], letters: list[tuple[bytes, bytes]]) -> float:
    """Microseconds of CPU a message, the median of several rounds."""
    rounds = []
    for _ in range(7):
        start = process_time()
        for head, body in letters:
            work(head, body)
        rounds.append((process_time() - start) / len(letters) * 1e6)
    return median(rounds)


def ask_openssl() -> float:
    """Microseconds of one RSA-2048 signature, as `openssl speed` measures it."""
    done = subprocess.run(
        ["openssl", "speed", "-seconds", "3", "rsa2048"], capture_output=True, text=True, check=True
    )
    line = next(it for it in done.stdout.splitlines() if it.startswith("rsa 2048"))
    return float(line.split()[3].removesuffix("s")) * 1e6


def main() -> None:
    rsa_key = Key("r1", rsa.generate_private_key(65537, 2048))
    ed_key = Key("e1", ed25519.Ed25519PrivateKey.generate())
    letters = write_letters(300)
    sizes = [len(head) + len(body) for head, body in letters]
    pem = rsa_key.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )

    def by_dkimpy(head: bytes, body: bytes) -> bytes:
        signed: bytes = dkim.sign(
            head + b"\r\n" + body,
            b"r1",
            DOMAIN.encode(),
            pem,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode() for name in SIGNED if name != "list-help"],
        )
        return signed

    both, alone = DkimSigner(DOMAIN, [rsa_key, ed_key]), DkimSigner(DOMAIN, [rsa_key])
    openssl = ask_openssl()
    print(f"message {sum(sizes) / len(sizes) / 1000:.1f} kB")
    print(f"openssl speed rsa2048: {openssl:.0f} µs a signature")
    for name, work, some in (
        ("RSA operation through cryptography", lambda head, _: sign_with(rsa_key.private, head), 0),
        ("RSA", alone, 0),
        ("RSA and Ed25519", both, 0),
        ("Ed25519", DkimSigner(DOMAIN, [ed_key]), 0),
        ("dkimpy, RSA", by_dkimpy, 20),
    ):
        cost = measure(work, letters[:some] if some else letters)
        print(
            f"{name:>36}: {cost:8.1f} µs = {cost / openssl:5.2f} × openssl, "
            f"{1e6 / cost:8,.0f} a second and core"
        )


if __name__ == "__main__":
    main()
