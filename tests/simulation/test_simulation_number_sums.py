"""Sums of deviations from end to end: asked over HTTP, from Python and from the command line, kept in the ledger and replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from jalousie.errors import ValidatorError
from jalousie.learning import ask_errors
from jalousie.validator.types import Partition, Question, Statistic
from two_places import SIZE, Places, Running, serving, settle

HOURS = np.random.default_rng(4).normal(40, 10, SIZE).round(1)
GUESS = np.concatenate([HOURS + np.random.default_rng(5).normal(1, 4, SIZE), np.full(SIZE, 35.0)]).round(1)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    places = settle(tmp_path_factory.mktemp("sums"), epsilon=8.0)
    text = places.contract_file.read_text()
    text = text.replace(
        "  income: {role: sensitive}\n", "  income: {role: sensitive}\n  hours: {role: sensitive, type: decimal}\n"
    )
    number = "  labels:\n    hours: {column: hours, kind: number, low: 0, high: 80, unit: 0.5}\n    income:"
    places.contract_file.write_text(text.replace("  labels: {income:", number).replace("[low, high]}}", "[low, high]}"))
    rows = [f"p{number},low,{hours}" for number, hours in enumerate(HOURS)]
    (places.folder / "people.csv").write_text("\n".join(["id,income,hours", *rows]) + "\n")
    mine = [f"p{number},{'ab'[number % 2]},{guess}" for number, guess in enumerate(GUESS)]
    (places.folder / "mine.csv").write_text("\n".join(["id,half,guess", *mine]) + "\n")
    spoiled = [*mine[:-1], f"p{2 * SIZE - 1},a,"]
    (places.folder / "spoiled.csv").write_text("\n".join(["id,half,guess", *spoiled]) + "\n")
    return places


@pytest.fixture(scope="module")
def running(places: Places) -> Iterator[Running]:
    with serving(places) as running:
        yield running


def test_errors_over_http_the_command_and_the_ledger(places: Places, running: Running) -> None:
    remote = places.validator(running.url)
    found = ask_errors(remote, GUESS, label="hours", epsilon=4.0, levels=40, within=30.0)
    gap = np.round(HOURS * 2) / 2 - GUESS[:SIZE]
    for name, wanted in (("mae", np.abs(gap).mean()), ("rmse", np.sqrt((gap**2).mean())), ("bias", gap.mean())):
        # five times as far as the noise usually is
        assert abs(found[name].value - wanted) < 2.5 * np.diff(found[name].noise_interval)[0]
    # the same is free, and a statistic that makes no sense is refused, over the wire as well
    spent = remote.budget("hours").spent
    again = ask_errors(remote, GUESS, label="hours", epsilon=4.0, levels=40, within=30.0)
    assert again == found
    groups, beyond = np.zeros(2 * SIZE, np.int32), np.full(2 * SIZE, 161, np.int32)
    part = Partition(groups, 1, Statistic("signed", beyond, 9))
    with pytest.raises(ValidatorError) as caught:
        remote.ask(Question(remote.population.digest(), "hours", (part,), 0.001))
    assert caught.value.code == "V217"
    assert remote.budget("hours").spent == spent

    words = ["ask", "contract.yaml", "--url", running.url, "--home", "ml", "--by", "half", "--label", "hours"]
    around = [*words, "--around", "guess", "--within", "30", "--epsilon", "2"]
    ran = places.command(*around, "--table", "mine.csv", "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert [part["statistic"] for part in told["partitions"]] == ["signed", "absolute", "square", "records"]
    records = np.array(told["partitions"][3]["counts"])[:, 0]
    assert np.abs(records - SIZE / 2).max() < 7 * told["partitions"][3]["variance"] ** 0.5
    ran = places.command(*around, "--table", "mine.csv")
    assert "replayed, nothing spent" in ran.stdout
    assert ran.stdout.count("of the truth") == 4
    ran = places.command(*around, "--table", "spoiled.csv")
    assert (ran.returncode, "T207" in ran.stderr) == (4, True)

    assert places.command("audit", "export", "--home", "provider", "--out", "ledger.jsonl").returncode == 0
    ledger = (places.folder / "ledger.jsonl").read_text()
    assert ledger.count('"statistic":"square"') == 4
    ran = places.command("audit", "replay", "ledger.jsonl", "--contract", "contract.yaml", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert places.command("history", "contract.yaml", "--url", running.url, "--home", "ml").returncode == 0
