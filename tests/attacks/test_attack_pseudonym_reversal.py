"""Attacks on pseudonyms: try all values, and link two contracts. Protection off: they succeed; on: they are at chance."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Callable

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jalousie.contract.model import Pseudonymise
from jalousie.privacy.steps import StepContext, apply_step
from jalousie.privacy.steps.pseudonyms import PSEUDONYM_BYTES, purpose
from jalousie.tables import from_frame

STEP = Pseudonymise(columns=("customer",))
# everybody knows how customer numbers look: there are 20,000
EVERY = [f"K-{n:05d}" for n in range(20_000)]
CUSTOMERS = random.Random(5).sample(EVERY, 1_000)


def deriver(master: bytes) -> Callable[[str], bytes]:
    def derive(what: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=what.encode()).derive(master)

    return derive


PROVIDER = deriver(bytes(range(32)))


def pseudonyms(customers: list[str], contract: str, key_for: Callable[[str], bytes] = PROVIDER) -> list[str]:
    raw = from_frame(pa.table({"customer": customers}))
    done, _ = apply_step(raw, STEP, StepContext(contract, key_for))
    found: list[str] = done.frame.collect("pyarrow").to_native().column(0).to_pylist()
    return found


def unkeyed(customers: list[str]) -> list[str]:
    """What many call anonymised: a plain hash."""
    return [hashlib.sha256(c.encode()).hexdigest()[: 2 * PSEUDONYM_BYTES] for c in customers]


def dictionary_attack(seen: list[str], hashes: list[Callable[[str], str]]) -> float:
    """Share of the pseudonyms that the attacker reverses by hashing every possible value in every way he can think of."""
    table = {h(value): value for h in hashes for value in EVERY}
    return sum(table.get(s) == c for s, c in zip(seen, CUSTOMERS, strict=True)) / len(seen)


def guesses(contract: str) -> list[Callable[[str], str]]:
    """Unkeyed hashes, and keys from all that is public: the contract's digest and the purpose of the key."""
    public = [
        b"",
        contract.encode(),
        purpose(STEP, contract).encode(),
        bytes(32),
        *map(deriver(bytes(32)), [purpose(STEP, contract)]),
    ]

    def keyed(key: bytes) -> Callable[[str], str]:
        return lambda v: hmac.digest(key, v.encode(), "sha256")[:PSEUDONYM_BYTES].hex()

    return [lambda v: unkeyed([v])[0], *map(keyed, public)]


def test_a_plain_hash_is_reversed_and_the_keyed_one_is_not() -> None:
    assert dictionary_attack(unkeyed(CUSTOMERS), guesses("sha256:a")) == 1.0
    assert dictionary_attack(pseudonyms(CUSTOMERS, "sha256:a"), guesses("sha256:a")) == 0.0


def test_whoever_has_the_key_can_reverse_it() -> None:
    """The caveat of the step is true: this is pseudonymous, not anonymous, for the provider."""
    key = PROVIDER(purpose(STEP, "sha256:a"))
    inside = [lambda v: hmac.digest(key, v.encode(), "sha256")[:PSEUDONYM_BYTES].hex()]
    assert dictionary_attack(pseudonyms(CUSTOMERS, "sha256:a"), inside) == 1.0


def linked(first: list[str], second: list[str], order: list[int]) -> dict[str, float]:
    """Share of customers linked between two releases whose rows are in different orders, by equality and by rank."""
    by_value = {p: i for i, p in enumerate(first)}
    equal = sum(by_value.get(p) == order[j] for j, p in enumerate(second))
    ranks = zip(
        sorted(range(len(first)), key=first.__getitem__),
        sorted(range(len(second)), key=second.__getitem__),
        strict=True,
    )
    ranked = sum(i == order[j] for i, j in ranks)
    return {"equality": equal / len(first), "rank": ranked / len(first)}


@pytest.mark.parametrize("protection", ["off", "on"])
def test_two_contracts_cannot_be_linked(protection: str) -> None:
    order = random.Random(6).sample(range(len(CUSTOMERS)), len(CUSTOMERS))
    shuffled = [CUSTOMERS[i] for i in order]
    if protection == "off":  # one key for all contracts
        same = lambda _: bytes(range(32))  # noqa: E731
        got = linked(pseudonyms(CUSTOMERS, "sha256:a", same), pseudonyms(shuffled, "sha256:b", same), order)
        assert got == {"equality": 1.0, "rank": 1.0}
    else:
        got = linked(pseudonyms(CUSTOMERS, "sha256:a"), pseudonyms(shuffled, "sha256:b"), order)
        assert got["equality"] == 0.0
        # chance: one hit in expectation, more than nine with probability 1e-7
        assert got["rank"] <= 9 / len(CUSTOMERS)


def test_two_providers_cannot_be_linked() -> None:
    other = deriver(bytes(range(1, 33)))
    assert not set(pseudonyms(CUSTOMERS, "sha256:a")) & set(pseudonyms(CUSTOMERS, "sha256:a", other))


def test_two_tables_of_one_contract_can_be_joined() -> None:
    """What the ML party is promised: the same customer has the same pseudonym in every table of the contract."""
    orders = random.Random(7).choices(CUSTOMERS, k=3_000)
    names = dict(zip(pseudonyms(CUSTOMERS, "sha256:a"), CUSTOMERS, strict=True))
    assert len(names) == len(CUSTOMERS)
    assert [names[p] for p in pseudonyms(orders, "sha256:a")] == orders
