"""A provider and an ML party in folders of their own, with keys, a contract and tables; the provider's service as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jalousie.architectures.ask_remote import RemoteProvider, RemoteValidator, reach_provider
from jalousie.contract import Contract, load_contract
from jalousie.places.keys import KeyStore
from jalousie.validator.types import Partition, Question
from jalousie.wire.keys import SigningKey

CANARY = "CANARY-7731-QZ"
SIZE = 600
CONTRACT = """\
jalousie: 1
name: two-places
parties: {{provider: Office, ml-party: Lab, provider-key: "{provider}", ml-party-key: "{ml_party}"}}
table: {{file: people.csv}}
columns:
  id: {{role: identifier}}
  income: {{role: sensitive}}
feedback:
  identifier: id
  labels: {{income: {{column: income, classes: [low, high]}}}}
  epsilon: {epsilon}
  answer-grid: {grid}
  questions-per-minute: 1000000
  max-questions: 1000000
"""


@dataclass(frozen=True)
class Places:
    """Two homes and what the parties agreed."""

    folder: Path
    opened: list[RemoteProvider] = field(default_factory=list)
    """Closed with the service."""

    @property
    def provider_home(self) -> Path:
        return self.folder / "provider"

    @property
    def ml_home(self) -> Path:
        return self.folder / "ml"

    @property
    def contract_file(self) -> Path:
        return self.folder / "contract.yaml"

    @property
    def contract(self) -> Contract:
        return load_contract(self.contract_file).contract

    @property
    def identifiers(self) -> list[str]:
        """Those of the provider's records and as many strangers."""
        return [f"p{number}" for number in range(2 * SIZE)]

    def reach(self, url: str) -> RemoteProvider:
        provider = reach_provider(self.contract_file, url, home=self.ml_home)
        self.opened.append(provider)
        return provider

    def validator(self, url: str) -> RemoteValidator:
        provider = self.reach(url)
        return RemoteValidator(provider, provider.population(self.identifiers))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "jalousie", *words], cwd=self.folder, capture_output=True, text=True, timeout=120
        )


def settle(folder: Path, *, epsilon: float = 4.0, grid: float = 0.0) -> Places:
    """Make both places. The provider has records p0 to p599, whose labels alternate in runs of seven."""
    places = Places(folder)
    keys = {}
    for name, home in (("provider", places.provider_home), ("ml_party", places.ml_home)):
        key = SigningKey.new()
        key.save(KeyStore(home).signing_path)
        keys[name] = key.public.text
    labels = [("low", "high")[number // 7 % 2] for number in range(SIZE)]
    rows = [f"p{number},{label}" for number, label in enumerate(labels)] + [f"{CANARY},{CANARY}"]
    (folder / "people.csv").write_text("\n".join(["id,income", *rows]) + "\n")
    places.contract_file.write_text(CONTRACT.format(**keys, epsilon=epsilon, grid=grid))
    return places


@dataclass(frozen=True)
class Running:
    """A service that was started; `log` grows while it runs."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path


@contextmanager
def serving(places: Places) -> Iterator[Running]:
    """The provider's service on a free port of this machine, stopped in the end whatever happens."""
    log = places.folder / f"service-{os.urandom(4).hex()}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jalousie", "serve", "provider", "--json", "--port", "0"),
                *("--home", str(places.provider_home), "--contract", str(places.contract_file)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        yield Running(process, json.loads(line)["url"], log)
    finally:
        while places.opened:
            places.opened.pop().close()
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def question(population: str, seed: int, rho: float, *, groups: int = 4, size: int = 2 * SIZE) -> Question:
    """A random partition of everybody into groups that are large enough."""
    drawn = np.random.default_rng(seed).integers(0, groups, size).astype(np.int32)
    return Question(population, "income", (Partition(drawn, groups),), rho)
