"""Re-identification succeeds with the protection off and stays under 1 / k with it on, record by record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from attack_tables import count_plainly, recoding_of, sets_hierarchy
from hypothesis import given
from hypothesis import strategies as st

from jalousie.attacks import Written, reidentify, written_by
from jalousie.attacks.matching import covered, covered_plainly
from jalousie.attacks.measure import interval, percent, reidentification_promise
from jalousie.attacks.reidentify import chances_of
from jalousie.contract.model import (
    AverageRisk,
    DistinctLDiversity,
    EntropyLDiversity,
    KAnonymity,
    Privacy,
    RecursiveCLDiversity,
    TCloseness,
)
from jalousie.errors import InternalError, ReleaseError, UsageError
from jalousie.learning.spaces import ColumnSpace
from jalousie.privacy.models import build_models
from jalousie.privacy.search import search
from jalousie.tables.types import FrequencyTable, Hierarchy

SCHOOL = sets_hierarchy(
    "school",
    [("9th", "School", "*"), ("10th", "School", "*"), ("Bachelors", "Higher", "*"), ("Masters", "Higher", "*")],
)
SEX = sets_hierarchy("sex", [("F", "*"), ("M", "*")])
SPACES = (ColumnSpace.from_hierarchy(SCHOOL, "categorical"), ColumnSpace.from_hierarchy(SEX, "categorical"))


def small() -> FrequencyTable:
    """Ten people, seven distinct."""
    rows = [("9th", "F")] * 2 + [("10th", "F")] * 2 + [("9th", "M"), ("10th", "M")] + [("Bachelors", "F")] * 2
    return count_plainly([*rows, ("Masters", "F"), ("Masters", "M")], ["school", "sex"])


def labels_by(table: FrequencyTable, hierarchies: Sequence[Hierarchy], levels: Sequence[int]) -> list[list[str | None]]:
    """One scheme: the generalised cells of each distinct row."""
    result = []
    for g in range(table.groups):
        cells = []
        for d, hierarchy in enumerate(hierarchies):
            value = hierarchy.labels[0].index(table.values[d][table.codes[d, g]])
            cells.append(hierarchy.labels[levels[d]][hierarchy.maps[levels[d]][value]])
        result.append(cells)
    return result


def test_it_succeeds_on_the_raw_table_and_fails_on_a_2_anonymous_one() -> None:
    table = small()
    off = written_by(table, recoding_of(table, labels_by(table, (SCHOOL, SEX), (0, 0))))
    on = written_by(table, recoding_of(table, labels_by(table, (SCHOOL, SEX), (2, 1))))
    raw = reidentify(table, off, SPACES, [KAnonymity(k=2)])
    safe = reidentify(table, on, SPACES, [KAnonymity(k=2)])
    assert raw.verdict == "FAIL"
    assert raw.raw_success == pytest.approx(0.7)
    assert raw.release_success >= 0.4  # four of ten are unique and found for certain
    assert safe.verdict == "PASS"
    assert safe.bound == 0.5
    assert safe.records == 10


def test_one_exposed_record_breaks_the_promise_however_good_the_mean() -> None:
    rows = [("9th", "F")] * 99 + [("Masters", "M")]
    table = count_plainly(rows, ["school", "sex"])
    found = reidentify(
        table, written_by(table, recoding_of(table, labels_by(table, (SCHOOL, SEX), (0, 0)))), SPACES, [KAnonymity(k=2)]
    )
    assert found.release_success < 0.2
    assert found.verdict == "FAIL"


def test_stars_for_too_few_suppressed_rows_give_them_away() -> None:
    """A single row of stars among rows that nobody else fits is that person's row."""
    rows = [("9th", "F")] * 5 + [("Masters", "M")]
    table = count_plainly(rows, ["school", "sex"])
    hidden = [table.values[1][table.codes[1, g]] == "M" for g in range(table.groups)]
    recoding = recoding_of(table, labels_by(table, (SCHOOL, SEX), (0, 0)), hidden)
    dropped = reidentify(table, written_by(table, recoding), SPACES, [KAnonymity(k=5)])
    starred = reidentify(table, written_by(table, recoding, suppressed="star"), SPACES, [KAnonymity(k=5)])
    assert (dropped.verdict, dropped.records) == ("PASS", 5)
    assert (starred.verdict, starred.records) == ("FAIL", 6)


def test_the_class_numbers_of_the_search_play_no_part() -> None:
    table = small()
    labels = labels_by(table, (SCHOOL, SEX), (1, 1))
    honest = reidentify(table, written_by(table, recoding_of(table, labels)), SPACES, [KAnonymity(k=2)])
    lying = recoding_of(table, labels, classes=np.arange(table.groups)[::-1].copy())
    assert reidentify(table, written_by(table, lying), SPACES, [KAnonymity(k=2)]) == honest


def test_a_release_of_nothing_is_measured() -> None:
    table = small()
    recoding = recoding_of(table, labels_by(table, (SCHOOL, SEX), (0, 0)), [True] * table.groups)
    found = reidentify(table, written_by(table, recoding), SPACES, [KAnonymity(k=2)])
    assert (found.records, found.release_success, found.verdict) == (0, 0.0, "PASS")


def test_tables_of_other_columns_are_refused() -> None:
    table = small()
    written = written_by(table, recoding_of(table, labels_by(table, (SCHOOL, SEX), (0, 0))))
    renamed = FrequencyTable(("a", "b"), table.values, table.codes, table.counts)
    with pytest.raises(UsageError, match="different quasi-identifiers"):
        reidentify(renamed, written, SPACES, [])
    with pytest.raises(UsageError, match="no description"):
        reidentify(table, written, SPACES[:1], [])


# -- against a plain reference ----------------------------------------------------------------------------------------

VALUES = (("9th", "10th", "Bachelors", "Masters"), ("F", "M"))


@st.composite
def releases(draw: st.DrawFn) -> tuple[FrequencyTable, Written]:
    """A small table and a recoding that gives each distinct row levels of its own, some rows suppressed."""
    rows = draw(st.lists(st.tuples(*(st.sampled_from(column) for column in VALUES)), min_size=1, max_size=25))
    table = count_plainly(rows, ["school", "sex"])
    own = [labels_by(table, (SCHOOL, SEX), levels) for levels in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (0, 1))]
    which = draw(st.lists(st.integers(0, len(own) - 1), min_size=table.groups, max_size=table.groups))
    hidden = draw(st.lists(st.booleans(), min_size=table.groups, max_size=table.groups))
    labels = [own[choice][g] for g, choice in enumerate(which)]
    return table, written_by(
        table, recoding_of(table, labels, hidden), suppressed=draw(st.sampled_from(["drop", "star"]))
    )


def chances_plainly(table: FrequencyTable, written: Written) -> dict[str, list[float]]:
    """The three ways of guessing, person by person."""
    people = [[table.values[d][table.codes[d, g]] for d in range(2)] for g in range(table.groups)]
    rows = [[written.table.values[d][written.table.codes[d, w]] for d in range(2)] for w in range(written.table.groups)]
    sizes = written.table.counts.tolist()
    fits = [
        [
            w
            for w, row in enumerate(rows)
            if all(covered_plainly(s, v, c) for s, v, c in zip(SPACES, p, row, strict=True))
        ]
        for p in people
    ]
    crowd = [sum(int(table.counts[g]) for g, found in enumerate(fits) if w in found) for w in range(len(rows))]
    result: dict[str, list[float]] = {"any row": [], "smallest class": [], "likeliest class": []}
    for g, found in enumerate(fits):
        own = int(written.row[g])
        inside = own in found
        result["any row"].append(1 / sum(sizes[w] for w in found) if inside else 0.0)
        for way, key in (
            ("smallest class", lambda w: (sizes[w], crowd[w], w)),
            ("likeliest class", lambda w: (crowd[w], sizes[w], w)),
        ):
            pick = min(found, key=key) if found else -1
            result[way].append(1 / sizes[own] if inside and pick == own else 0.0)
    return result


@given(releases())
def test_chances_agree_with_a_plain_count(case: tuple[FrequencyTable, Written]) -> None:
    table, written = case
    fast = chances_of(table, written, SPACES, np.random.default_rng(0))
    assert fast.people.tolist() == list(range(table.groups))
    for way, chances in chances_plainly(table, written).items():
        assert fast.chances[way].tolist() == pytest.approx(chances)


@given(releases())
def test_no_way_of_guessing_beats_one_in_the_size_of_the_class(case: tuple[FrequencyTable, Written]) -> None:
    table, written = case
    smallest = int(written.table.counts.min(initial=10**6))
    for chances in chances_of(table, written, SPACES, np.random.default_rng(0)).chances.values():
        assert chances.max() <= 1 / smallest + 1e-12


@given(releases())
def test_everybody_released_is_compatible_with_the_own_row(case: tuple[FrequencyTable, Written]) -> None:
    """Else a chance of 0 would come from misread labels and the attack would pass for the wrong reason."""
    table, written = case
    chances = chances_of(table, written, SPACES, np.random.default_rng(0)).chances["any row"]
    assert (chances[written.row >= 0] > 0).all()


NUMBERS = ColumnSpace(
    name="age", kind="number", labels=("[20, 40)", "old"), bounds=((20.0, 40.0), (60.0, None)), whole=True
)


@pytest.mark.parametrize("space", [*SPACES, NUMBERS], ids=lambda space: space.name)
def test_meanings_agree_with_the_plain_reference(space: ColumnSpace) -> None:
    values = ["9th", "10th", "Masters", "F", "20", "39", "40", "60", "95", None]
    labels = ["9th", "School", "Higher", "*", "F", "[20, 40)", "old", "39", "nonsense", None]
    fast = covered(space, values, labels)
    plain = [[covered_plainly(space, value, label) for value in values] for label in labels]
    assert fast.tolist() == plain


def test_intervals_and_sets_of_a_recoding_are_understood() -> None:
    assert covered(NUMBERS, ["29", "30", "34", "35"], ["[30, 35)", "< 30", ">= 35"]).tolist() == [
        [False, True, True, False],
        [True, False, False, False],
        [False, False, False, True],
    ]
    assert covered(SPACES[0], ["9th", "Masters", "Bachelors"], ["{9th, Masters}"]).tolist() == [[True, True, False]]


# -- promises and intervals -------------------------------------------------------------------------------------------


def test_what_the_models_promise() -> None:
    assert reidentification_promise([]).tightest is None
    assert reidentification_promise([TCloseness(column="s", t=0.1)]).tightest is None
    assert reidentification_promise([KAnonymity(k=5), AverageRisk(risk=0.1)]).tightest == 0.1
    assert reidentification_promise([KAnonymity(k=2), DistinctLDiversity(column="s", l=4)]).each == 0.25
    assert reidentification_promise([EntropyLDiversity(column="s", l=2.5)]).each == pytest.approx(1 / 3)
    assert reidentification_promise([RecursiveCLDiversity(column="s", c=2, l=3)]).each == pytest.approx(1 / 3)


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    """Against the sums of the binomial distribution itself."""
    from math import comb

    low, high = interval(3, 20)
    above = sum(comb(20, x) * low**x * (1 - low) ** (20 - x) for x in range(3, 21))
    below = sum(comb(20, x) * high**x * (1 - high) ** (20 - x) for x in range(4))
    assert (above, below) == (pytest.approx(0.025, abs=1e-6), pytest.approx(0.025, abs=1e-6))
    assert interval(0, 10)[0] == 0.0
    assert interval(10, 10)[1] == 1.0
    assert interval(0, 0) == (0.0, 1.0)


# -- real data --------------------------------------------------------------------------------------------------------


def adult_hierarchies(table: FrequencyTable) -> tuple[Hierarchy, ...]:
    """Age in fives, tens and twenties; education and marital status grouped; sex and race kept or hidden."""
    found = []
    for name, values in zip(table.names, table.values, strict=True):
        lines: list[tuple[str | None, ...]]
        if name == "age":
            lines = [
                (v, *(f"{int(v or 0) // w * w}-{int(v or 0) // w * w + w - 1}" for w in (5, 10, 20)), "*")
                for v in values
            ]
        elif name == "education":
            higher = {"Bachelors", "Masters", "Doctorate", "Prof-school", "Assoc-voc", "Assoc-acdm", "Some-college"}
            lines = [(v, "Higher" if v in higher else "School", "*") for v in values]
        else:
            lines = [(v, "*") for v in values]
        found.append(sets_hierarchy(name, lines))
    return tuple(found)


@pytest.mark.parametrize("recoding", ["optimal", "local", "mondrian"])
def test_adult(adult_rows: list[tuple[str, ...]], recoding: str) -> None:
    names = ["age", "education", "marital-status", "sex", "race"]
    table = count_plainly(adult_rows, names)
    hierarchies = adult_hierarchies(table)
    spaces = [
        ColumnSpace.from_hierarchy(h, "number" if h.column == "age" else "categorical", whole=True) for h in hierarchies
    ]
    off = recoding_of(table, labels_by(table, hierarchies, [0] * 5))
    raw = reidentify(table, written_by(table, off), spaces, [KAnonymity(k=5)])
    assert raw.verdict == "FAIL"
    assert raw.release_success == pytest.approx(table.groups / table.rows)
    privacy = Privacy(models=(KAnonymity(k=5),), recoding=recoding)  # type: ignore[arg-type]
    found = search(table, hierarchies, build_models(privacy.models, table, hierarchies), privacy)
    released = reidentify(table, written_by(table, found), spaces, privacy.models)
    assert released.verdict == "PASS"
    assert released.interval[0] <= 0.2
    assert 0 < released.release_success < raw.release_success
    assert released.records >= 0.95 * table.rows


def test_labels_that_are_misread_are_no_protection() -> None:
    """With a description in which `School` stands for something else the attack would miss everybody: it says so."""
    table = small()
    written = written_by(table, recoding_of(table, labels_by(table, (SCHOOL, SEX), (1, 1))))
    wrong = ColumnSpace(
        name="school", kind="categorical", values=SPACES[0].values, labels=("School", "Higher"), covers=((2, 3), (0, 1))
    )
    with pytest.raises(InternalError, match="not compatible"):
        reidentify(table, written, (wrong, SPACES[1]), [KAnonymity(k=2)])


def test_a_count_of_the_written_file_is_linked_by_its_labels() -> None:
    table = small()
    recoding = recoding_of(table, labels_by(table, (SCHOOL, SEX), (1, 1)))
    counted = count_plainly([("Higher", "*")] * 4 + [("School", "*")] * 6, ["school", "sex"])
    found = written_by(table, recoding, counted=counted)
    assert reidentify(table, found, SPACES, [KAnonymity(k=2)]) == reidentify(
        table, written_by(table, recoding), SPACES, [KAnonymity(k=2)]
    )
    missing = count_plainly([("Higher", "*")] * 4, ["school", "sex"])
    with pytest.raises(ReleaseError, match="not among"):
        written_by(table, recoding, counted=missing)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.123, "12 %"), (0.0345, "3.5 %"), (0.0005, "0.05 %"), (1e-6, "under 0.01 %"), (1, "100 %")],
)
def test_shares_are_written_as_a_reader_wants_them(share: float, text: str) -> None:
    assert percent(share) == text


def test_where_people_are_too_many_a_part_of_them_is_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(school, sex) for school in VALUES[0] for sex in VALUES[1] for _ in range(3)]
    table = count_plainly(rows, ["school", "sex"])
    written = written_by(table, recoding_of(table, labels_by(table, (SCHOOL, SEX), (1, 0))))
    whole = reidentify(table, written, SPACES, [KAnonymity(k=5)])
    monkeypatch.setattr("jalousie.attacks.measure.MOST_PAIRS", 5 * written.table.groups)
    part = reidentify(table, written, SPACES, [KAnonymity(k=5)])
    assert (whole.records, part.records) == (24, 15)
    assert whole.release_success == part.release_success == pytest.approx(1 / 6)
    assert part.verdict == "PASS"
