"""A card with plausible figures for UCI Adult. Test material: the figures were made up and measured nowhere."""

from __future__ import annotations

import random

from jalousie.contract.model import Csv
from jalousie.privacy.card import (
    AttackFacts,
    Card,
    Check,
    ColumnFacts,
    ContractRef,
    DisclosureFacts,
    LearnerFacts,
    LearningFacts,
    ModelFacts,
    QualityFacts,
    RiskFacts,
    SearchFacts,
    SizeBin,
    StepFacts,
)


def _columns() -> tuple[ColumnFacts, ...]:
    generalised = [
        # name, released as, levels, mean level, cell loss, distinct before and after
        ("age", "str", 5, 1.62, 0.081, 73, 41),
        ("sex", "str", 2, 0.07, 0.034, 2, 3),
        ("race", "str", 2, 0.18, 0.121, 5, 6),
        ("marital-status", "str", 3, 0.44, 0.072, 7, 11),
        ("education", "str", 4, 0.91, 0.093, 16, 25),
        ("native-country", "str", 3, 0.21, 0.064, 41, 47),
        ("workclass", "str", 3, 0.83, 0.143, 8, 12),
    ]
    columns = [
        ColumnFacts(
            name=name,
            role="quasi-identifier",
            type=kind,
            changed="generalised",
            levels=levels,
            mean_level=mean,
            cell_loss=loss,
            distinct_before=before,
            distinct_after=after,
        )
        for name, kind, levels, mean, loss, before, after in generalised
    ]
    return (
        ColumnFacts(
            name="person",
            role="identifier",
            type="str",
            changed="pseudonymised",
            distinct_before=32561,
            distinct_after=30934,
        ),
        *columns,
        ColumnFacts(
            name="occupation", role="sensitive", type="str", changed="unchanged", distinct_before=15, distinct_after=15
        ),
        ColumnFacts(
            name="hours-per-week", role="plain", type="int64", changed="rounded", distinct_before=94, distinct_after=20
        ),
        ColumnFacts(name="income", role="plain", type="str", changed="unchanged", distinct_before=2, distinct_after=2),
    )


def _steps() -> tuple[StepFacts, ...]:
    return (
        StepFacts(
            step="drop-columns",
            columns=("fnlwgt", "education-num"),
            sentence="2 columns were dropped",
            rows_before=32561,
            rows_after=32561,
        ),
        StepFacts(
            step="enrich",
            columns=("region",),
            sentence="the public table of regions was joined by native-country; the key was dropped",
            rows_before=32561,
            rows_after=32561,
            facts={"match-rate": 0.9814, "columns-added": 1},
            caveat="a joined column can single people out; it counts as a quasi-identifier from here on",
        ),
        StepFacts(
            step="pseudonymise",
            columns=("person",),
            sentence="identifiers became pseudonyms under a key of this contract",
            rows_before=32561,
            rows_after=32561,
            caveat="rows of one person stay linked to each other inside the release",
        ),
        StepFacts(
            step="round",
            columns=("hours-per-week",),
            sentence="numbers were rounded to the nearest 5",
            rows_before=32561,
            rows_after=32561,
            facts={"mean-change": 1.1375},
        ),
        StepFacts(
            step="generalise",
            columns=("age", "sex", "race", "marital-status", "education", "native-country", "workclass"),
            sentence="quasi-identifiers were generalised by iterated local recoding",
            rows_before=32561,
            rows_after=30934,
        ),
    )


def _risk(after: bool) -> RiskFacts:
    if after:
        return RiskFacts(
            rows=30934,
            classes=3120,
            smallest_class=5,
            highest_prosecutor=0.2,
            average_prosecutor=0.10086,
            at_risk_share=0.0,
            highest_journalist=0.2,
            average_journalist=0.1009,
            journalist_basis="sample",
            marketer=0.10086,
            sample_uniques=0.0,
            sizes=(
                SizeBin(low=5, high=9, classes=2204, rows=13977),
                SizeBin(low=10, high=19, classes=641, rows=8532),
                SizeBin(low=20, high=49, classes=229, rows=5911),
                SizeBin(low=50, high=0, classes=46, rows=2514),
            ),
        )
    return RiskFacts(
        rows=32561,
        classes=13104,
        smallest_class=1,
        highest_prosecutor=1.0,
        average_prosecutor=0.40244,
        at_risk_share=0.6931,
        highest_journalist=1.0,
        average_journalist=0.4025,
        journalist_basis="sample",
        marketer=0.40244,
        sample_uniques=0.2713,
        sizes=(
            SizeBin(low=1, high=1, classes=8834, rows=8834),
            SizeBin(low=2, high=4, classes=2911, rows=7610),
            SizeBin(low=5, high=9, classes=802, rows=5230),
            SizeBin(low=10, high=19, classes=341, rows=4611),
            SizeBin(low=20, high=49, classes=177, rows=5120),
            SizeBin(low=50, high=0, classes=39, rows=1156),
        ),
    )


def _candidates() -> tuple[tuple[float, float, float], ...]:
    draw = random.Random(7)
    points = []
    for _ in range(540):
        loss = draw.uniform(0.18, 0.85)
        risk = min(1.0, max(0.02, 0.5 * (0.9 - loss) ** 2 + draw.gauss(0.1, 0.06)))
        points.append(
            (round(risk, 4), round(draw.uniform(0, 0.05) + max(0, 0.5 - loss) * draw.random(), 4), round(loss, 4))
        )
    return tuple(points)


def _checks() -> tuple[Check, ...]:
    return (
        Check(verdict="PASS", what="k-anonymity", sentence="every class has at least 5 rows, as asked for"),
        Check(
            verdict="PASS",
            what="distinct l-diversity of occupation",
            sentence="every class has at least 3 occupations; 3 were asked for",
        ),
        Check(
            verdict="PASS",
            what="rows suppressed",
            sentence="5.0 % of the rows were suppressed; at most 5 % are allowed",
        ),
        Check(
            verdict="PASS",
            what="highest risk",
            sentence="the highest risk of a row is 1 in 5; at most 1 in 5 is allowed",
        ),
        Check(
            verdict="WARN",
            what="almost certain share",
            sentence="for 2.1 % of the rows occupation is known with 90 % certainty; the contract would have at most 1 %",
        ),
        Check(
            verdict="PASS",
            what="learning share",
            sentence="99.2 % of the raw model's gain is left; at least 90 % is asked for",
        ),
        Check(
            verdict="INFO",
            what="population",
            sentence="no population is given, so the journalist's risk rests on the sample",
        ),
    )


def _attacks() -> tuple[AttackFacts, ...]:
    return (
        AttackFacts(
            attack="re-identification",
            records=30934,
            raw_success=0.40244,
            release_success=0.09951,
            interval=(0.09619, 0.1029),
            bound=0.2,
            stranger=0.00003,
            verdict="PASS",
            sentence="an adversary who knows all quasi-identifiers finds 10.0 % of the rows, under the bound of 20 %",
        ),
        AttackFacts(
            attack="attribute-inference",
            column="occupation",
            records=30934,
            raw_success=0.5816,
            release_success=0.2891,
            interval=(0.284, 0.2942),
            bound=None,
            stranger=0.1284,
            control=0.2713,
            verdict="INFO",
            sentence="the class tells occupation for 28.9 % of the rows, where a stranger guesses right for 12.8 %",
        ),
    )


def adult_card() -> Card:
    """The whole card, nothing left out."""
    return Card(
        software="jalousie 0.1.0",
        created="2026-11-20T09:30Z",
        contract=ContractRef(
            name="income-study",
            digest="sha256:4b0f6c5f0a9f4ad2a2f6e5cf8b6fb1b9b8c2b62a5d1f0a3a2b9e1b7c3d4e5f60",
            provider="Census Office",
            ml_party="Institute for Work",
        ),
        data_file="release.csv",
        data_format="csv",
        csv=Csv(delimiter=";", quote="'", encoding="latin-1", decimal=",", nulls=("", "?")),
        data_digest="sha256:90d2c7b3a0de5c1e6f1a34b7f08c2d9eab5a4dc7c1f04b3f3e2d1c0b9a887766",
        rows_in=32561,
        rows_out=30934,
        rows_suppressed=1627,
        columns=_columns(),
        steps=_steps(),
        models=(
            ModelFacts(
                model="k-anonymity",
                required=5,
                reached=5,
                better="higher",
                verdict="PASS",
                sentence="the smallest class has 5 rows",
            ),
            ModelFacts(
                model="distinct-l-diversity",
                column="occupation",
                required=3,
                reached=3,
                better="higher",
                verdict="PASS",
                sentence="the least diverse class has 3 different values",
            ),
            ModelFacts(
                model="t-closeness",
                column="occupation",
                required=0.45,
                reached=0.4372,
                better="lower",
                verdict="PASS",
                sentence="the class furthest from the whole table is at distance 0.437",
            ),
        ),
        search=SearchFacts(
            recoding="local",
            metric="loss",
            loss=0.2311,
            lower_bound=0.1987,
            gap=0.0324,
            exact=False,
            lattice=12960,
            checked=547,
            pruned=12413,
            method="iterated local recoding, 4 rounds",
            kernel="native",
            candidates=_candidates(),
        ),
        risk_before=_risk(after=False),
        risk_after=_risk(after=True),
        disclosure_before=(
            DisclosureFacts(
                column="occupation",
                certain_share=0.4331,
                almost_certain_share=0.4402,
                best_guess=0.5816,
                baseline_guess=0.1284,
            ),
        ),
        disclosure_after=(
            DisclosureFacts(
                column="occupation",
                certain_share=0.0,
                almost_certain_share=0.0213,
                best_guess=0.2891,
                baseline_guess=0.1284,
            ),
        ),
        quality=QualityFacts(
            loss=0.2311,
            granularity=0.9423,
            entropy_loss=0.1874,
            discernibility=0.00419,
            average_class_size=9.915,
            suppressed_share=0.04997,
        ),
        encoder="draws",
        learning=LearningFacts(
            target="income",
            task="classification",
            encoder="draws",
            train_rows=24421,
            test_rows=8140,
            learners=(
                LearnerFacts(
                    learner="lightgbm",
                    metric="auc",
                    raw=0.8871,
                    release=0.8841,
                    baseline=0.5,
                    kept=0.9922,
                    raw_log_loss=0.3342,
                    release_log_loss=0.3391,
                ),
                LearnerFacts(
                    learner="logistic-regression", metric="auc", raw=0.8702, release=0.8513, baseline=0.5, kept=0.9489
                ),
            ),
        ),
        attacks=_attacks(),
        checks=_checks(),
        seconds={
            "read": 0.092,
            "count": 0.041,
            "search": 0.371,
            "apply": 0.064,
            "verify": 0.033,
            "attack": 0.512,
            "learning": 3.104,
        },
    )


def bare_card() -> Card:
    """As little as a card can hold."""
    return Card(
        software="jalousie 0.1.0",
        contract=ContractRef(name="bare", digest="", provider="Office", ml_party=""),
        rows_in=3,
        rows_out=3,
        rows_suppressed=0,
        columns=(),
        steps=(),
        models=(),
        search=None,
        risk_before=None,
        risk_after=None,
        quality=None,
    )
