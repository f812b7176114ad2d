"""Quality of small recodings by hand, and of published schemes on real data."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from jalousie.privacy.quality import quality
from jalousie.privacy.recoding import Proof, Recoding
from jalousie.tables.types import FrequencyTable, Hierarchy

PROOF = Proof(True, 1, 1, 0, 0.0, 0.0, "by hand", "numpy")


def recode(
    table: FrequencyTable,
    hierarchies: tuple[Hierarchy, ...],
    levels: tuple[int, ...],
    smallest: int,
    *,
    scheme: bool = True,
) -> Recoding:
    """One scheme for all rows, classes smaller than `smallest` suppressed; `scheme=False` hides that it is one scheme."""
    codes, loss = [], []
    for d, (hierarchy, level) in enumerate(zip(hierarchies, levels, strict=True)):
        domain = np.array([hierarchy.labels[0].index(v) for v in table.values[d]])[table.codes[d]]
        codes.append(hierarchy.maps[level][domain])
        loss.append(hierarchy.shares(level)[domain])
    _, group = np.unique(np.array(codes), axis=1, return_inverse=True)
    size = np.bincount(group.ravel(), weights=table.counts)[group.ravel()]
    suppressed = size < smallest
    classes = np.full(table.groups, -1)
    classes[~suppressed] = np.unique(group.ravel()[~suppressed], return_inverse=True)[1]
    return Recoding(
        levels=levels if scheme else None,
        labels=tuple(h.labels[level] for h, level in zip(hierarchies, levels, strict=True)),
        codes=np.array(codes, np.int32),
        suppressed=suppressed,
        classes=classes,
        cell_loss=np.where(suppressed, 1.0, np.array(loss)).astype(np.float32),
        loss=0.0,
        proof=PROOF,
    )


def colours() -> tuple[FrequencyTable, tuple[Hierarchy, ...]]:
    """Four colours in two tones, a domain of four of which three occur; 6, 2, 1 and 1 rows by colour and size."""
    colour = Hierarchy(
        "colour",
        (("red", "pink", "blue", None), ("warm", "cold"), ("*",)),
        tuple(np.array(m, np.int32) for m in ((0, 1, 2, 3), (0, 0, 1, 1), (0, 0, 0, 0))),
    )
    size = Hierarchy("size", (("s", "l"), ("*",)), tuple(np.array(m, np.int32) for m in ((0, 1), (0, 0))))
    table = FrequencyTable(
        ("colour", "size"),
        (("blue", None, "red"), ("l", "s")),
        np.array([[2, 0, 1, 2], [1, 1, 1, 0]], np.int32),
        np.array([6, 2, 1, 1]),
    )
    return table, (colour, size)


def test_nothing_is_lost_by_doing_nothing() -> None:
    table, hierarchies = colours()
    facts = quality(table, recode(table, hierarchies, (0, 0), 1), hierarchies)
    assert (facts.loss, facts.granularity, facts.entropy_loss, facts.suppressed_share) == (0.0, 1.0, 0.0, 0.0)
    assert facts.discernibility == pytest.approx((36 + 4 + 1 + 1) / 100)
    assert facts.average_class_size == 2.5


def test_all_is_lost_at_the_top_and_by_suppression() -> None:
    table, hierarchies = colours()
    for recoding in (recode(table, hierarchies, (2, 1), 1), recode(table, hierarchies, (0, 0), 99)):
        facts = quality(table, recoding, hierarchies)
        assert facts.loss == pytest.approx(1.0)
        assert facts.granularity == pytest.approx(0.0)
        assert facts.entropy_loss == pytest.approx(1.0)
        assert facts.discernibility == 1.0


def test_one_column_generalised() -> None:
    table, hierarchies = colours()
    facts = quality(table, recode(table, hierarchies, (1, 0), 1), hierarchies)
    # every colour cell covers half the domain: (10/2 - 10/4) / (10 - 10/4); sizes stay
    assert facts.granularity == pytest.approx(1 - (1 / 3 + 0) / 2)
    assert facts.loss == pytest.approx((4 / 3) ** 0.5 - 1)
    weighed = quality(table, recode(table, hierarchies, (1, 0), 1), hierarchies, weights={"size": 0.0})
    assert weighed.loss == pytest.approx(1 / 3)
    # red (7) stays itself; blue (2) and null (1) share a tone
    colour = 2 * np.log2(3 / 2) + np.log2(3)
    whole = 7 * np.log2(10 / 7) + 2 * np.log2(5) + np.log2(10) + 9 * np.log2(10 / 9) + np.log2(10)
    assert facts.entropy_loss == pytest.approx(colour / whole)


def test_suppressed_rows_cost_the_whole_table() -> None:
    table, hierarchies = colours()
    facts = quality(table, recode(table, hierarchies, (0, 0), 2), hierarchies)
    assert facts.suppressed_share == pytest.approx(0.2)
    assert facts.discernibility == pytest.approx((36 + 4 + 2 * 10) / 100)
    assert facts.average_class_size == 4.0


def test_hierarchies_must_be_those_of_the_columns() -> None:
    table, hierarchies = colours()
    with pytest.raises(ValueError, match="order"):
        quality(table, recode(table, hierarchies, (0, 0), 1), hierarchies[::-1])


def read_reference(folder: Path, names: list[str]) -> tuple[FrequencyTable, tuple[Hierarchy, ...]]:
    with (folder / "adult.csv").open(newline="", encoding="utf-8") as file:
        groups = Counter(tuple(row[n] for n in names) for row in csv.DictReader(file, delimiter=";"))
    values = [sorted({g[d] for g in groups}) for d in range(len(names))]
    codes = np.array([[values[d].index(g[d]) for g in groups] for d in range(len(names))], np.int32)
    hierarchies = []
    for name in names:
        with (folder / f"hierarchy_{name}.csv").open(newline="", encoding="utf-8") as file:
            columns = list(zip(*csv.reader(file, delimiter=";"), strict=True))
        labels = [tuple(dict.fromkeys(column)) for column in columns]
        maps = [np.array([ls.index(v) for v in column], np.int32) for ls, column in zip(labels, columns, strict=True)]
        hierarchies.append(Hierarchy(name, tuple(labels), tuple(maps)))
    table = FrequencyTable(tuple(names), tuple(map(tuple, values)), codes, np.array(list(groups.values())))
    return table, tuple(hierarchies)


def test_published_losses_are_reproduced(reference_adult: Path) -> None:
    """Loss of the optima that ARX publishes for k = 5 on Adult, to eight digits."""
    names = [
        "sex",
        "age",
        "race",
        "marital-status",
        "education",
        "native-country",
        "workclass",
        "occupation",
        "salary-class",
    ]
    table, hierarchies = read_reference(reference_adult, names)
    cases = json.loads((reference_adult / "published_optima.json").read_text(encoding="utf-8"))["cases"]
    seen = 0
    for case in cases:
        if (
            case["models"] == ["new KAnonymity(5)"]
            and case["metric"].endswith("createLossMetric()")
            and not case["sensitive"]
        ):
            recoding = recode(table, hierarchies, tuple(case["expected_levels"]), 5)
            facts = quality(table, recoding, hierarchies)
            assert facts.loss == pytest.approx(case["expected_loss"], rel=1e-8)
            # as if every row had a recoding of its own: the search's float32 shares give nearly the same
            single = quality(table, recode(table, hierarchies, recoding.levels or (), 5, scheme=False), hierarchies)
            assert single.loss == pytest.approx(facts.loss, rel=1e-5)
            assert single.entropy_loss == facts.entropy_loss
            seen += 1
    assert seen >= 2
