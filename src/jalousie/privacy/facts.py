"""The card's parts that describe a de-identification, and the verdicts against the contract's limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import msgspec
import numpy as np

from jalousie.contract.model import Contract, Limits
from jalousie.errors import PrivacyError
from jalousie.privacy.card import (
    Card,
    Check,
    ColumnFacts,
    ContractRef,
    DisclosureFacts,
    RiskFacts,
    SearchFacts,
    Verdict,
)
from jalousie.privacy.deidentify import Deidentified, Searched, count_released
from jalousie.privacy.quality import quality
from jalousie.privacy.risk import class_sizes, disclosures, risk
from jalousie.tables.apply import RecodedFrame
from jalousie.tables.text import type_name
from jalousie.tables.types import FrequencyTable

MOST_CANDIDATES = 400
"""Points in the picture of risk against utility; more only hide each other."""


def describe(done: Deidentified, contract: Contract, *, digest: str, software: str, population: int | None) -> Card:
    """Everything that is known before a row is written. Verification, learning and attacks are added by who measures them."""
    searched = done.searched
    ref = ContractRef(
        name=contract.name, digest=digest, provider=contract.parties.provider, ml_party=contract.parties.ml_party
    )
    card = Card(
        software=software,
        contract=ref,
        rows_in=done.rows_in,
        rows_out=done.released.rows,
        rows_suppressed=done.rows_suppressed,
        columns=_columns(done, contract),
        steps=done.steps,
        models=(),
        search=None,
        risk_before=None,
        risk_after=None,
        quality=None,
        encoder=contract.learning.encoder if contract.learning is not None else "draws",
    )
    if searched is None:
        return card
    table, recoding, as_read = searched.table, searched.recoding, done.as_read
    weights = {name: done_column.weight for name, done_column in done.columns.items() if name in table.names}
    return msgspec.structs.replace(
        card,
        search=_search(contract, searched),
        before=_before(done),
        risk_before=_risk_before(as_read, table.rows, population),
        risk_after=risk(class_sizes(table, recoding.classes), population=population),
        disclosure_before=disclosures(as_read, np.arange(as_read.groups, dtype=np.int64))
        if as_read is not None
        else (),
        disclosure_after=_disclosure_after(done, searched),
        quality=quality(table, recoding, searched.hierarchies, weights=weights),
    )


def _disclosure_after(done: Deidentified, searched: Searched) -> tuple[DisclosureFacts, ...]:
    """What a class gives away of each sensitive column that is released, as it is released."""
    facts = disclosures(searched.table, searched.recoding.classes)
    changed = done.origin.changed_later & {fact.column for fact in facts}
    if not changed:
        return facts
    written = count_released(done, searched)
    shown = {fact.column: fact for fact in disclosures(written, np.arange(written.groups, dtype=np.int64))}
    return tuple(shown.get(f.column, f) for f in facts if f.column not in changed or f.column in shown)


def _risk_before(as_read: FrequencyTable | None, counted: int, population: int | None) -> RiskFacts | None:
    """The population may count only the people whom the steps left: then the raw table is taken to be its own."""
    if as_read is None:
        return None
    only_left = population is not None and counted <= population < as_read.rows
    return risk(as_read.counts, population=None if only_left else population)


def _before(done: Deidentified) -> str:
    """What raw means on this card; nothing need be said where the table was generalised as it was read."""
    if done.searched is None or done.as_read is done.searched.table:
        return ""
    origin = done.origin
    said = [f"Raw is the table as it was read, {origin.raw.rows:,} rows, before any step"]
    if done.as_read is None:
        why = (
            "has too many combinations to be counted"
            if origin.quasi_identifiers
            else "has no quasi-identifier to count by"
        )
        said = [f"The table as it was read {why}, so there are no figures of it"]
    if origin.joined:
        said.append(f"{', '.join(sorted(origin.joined))} came by a join and are not in it")
    if origin.uncounted and done.as_read is not None:
        said.append(f"{', '.join(origin.uncounted)} cannot be counted as they were read and are left out of it")
    return "; ".join(said) + "."


def _columns(done: Deidentified, contract: Contract) -> tuple[ColumnFacts, ...]:
    changed: dict[str, str] = {}
    for step in done.steps:
        for name in step.columns:
            changed[name] = f"{changed[name]}, {step.step}" if name in changed else step.step
    return tuple(
        _generalised(done.searched, name, done, changed)
        if done.searched is not None and name in done.searched.table.names
        else ColumnFacts(
            name=name,
            role=done.columns[name].role,
            type=_type_name(dtype),
            changed=changed.get(name, "unchanged"),
        )
        for name, dtype in done.released.schema.items()
    )


def with_own_types(card: Card, released: RecodedFrame, form: str) -> Card:
    """The card with the caller's own types: where they were given back, and where the file (`form`) cannot hold them."""
    columns = []
    for column in card.columns:
        own = released.origin.get(column.name)
        said = own.said if own is not None else ""
        if said and own is not None and not own.kept_in(form):
            column = msgspec.structs.replace(column, was=said)
        elif own is not None and own.is_duration:
            column = msgspec.structs.replace(column, type=said)
        columns.append(column)
    return msgspec.structs.replace(card, columns=tuple(columns))


def _type_name(dtype: object) -> str:
    """`text` for strings, else the engine's own name in lower case."""
    text = type_name(dtype).lower()
    return "text" if text.startswith("string") else text


def _generalised(searched: Searched, name: str, done: Deidentified, changed: dict[str, str]) -> ColumnFacts:
    table, recoding = searched.table, searched.recoding
    d = table.names.index(name)
    hierarchy = searched.hierarchies[d]
    rows = max(table.rows, 1)
    cell_loss = np.where(recoding.suppressed, 1.0, recoding.cell_loss[d])
    kept = ~recoding.suppressed
    words = ["unchanged" if name in done.released.native else "generalised"]
    if name in changed:
        words = [changed[name], *(w for w in words if w != "unchanged")]
    return ColumnFacts(
        name=name,
        role="quasi-identifier",
        type=_type_name(done.released.schema[name]),
        changed=", ".join(words),
        levels=hierarchy.levels,
        level=recoding.levels[d] if recoding.levels is not None else None,
        mean_level=float(recoding.levels[d]) if recoding.levels is not None else None,
        cell_loss=float(cell_loss @ table.counts / rows),
        distinct_before=_distinct(done, name, len(table.values[d])),
        distinct_after=int(np.count_nonzero(np.bincount(recoding.codes[d][kept]))),
    )


def _distinct(done: Deidentified, name: str, counted: int) -> int:
    """Distinct values of a column as it was read, or as it was counted where it was joined."""
    as_read = done.as_read
    if as_read is None or name not in as_read.names or name in done.origin.joined:
        return counted
    return len(as_read.values[as_read.names.index(name)])


def _search(contract: Contract, searched: Searched) -> SearchFacts:
    assert contract.privacy is not None
    recoding, proof = searched.recoding, searched.recoding.proof
    return SearchFacts(
        recoding=contract.privacy.recoding,
        # local recoding and Mondrian minimise Loss, whatever the contract says
        metric=contract.privacy.metric if contract.privacy.recoding == "optimal" else "loss",
        loss=recoding.loss,
        lower_bound=proof.lower_bound,
        gap=proof.gap,
        exact=proof.exact,
        lattice=float(proof.lattice),
        checked=proof.checked,
        pruned=float(proof.pruned),
        method=proof.method,
        kernel=proof.kernel,
        candidates=_candidates(searched),
    )


def _candidates(searched: Searched) -> tuple[tuple[float, float, float], ...]:
    """(1 / mean class size, share suppressed, loss) of schemes looked at, thinned evenly to what a picture can show."""
    rows = max(searched.table.rows, 1)
    seen = searched.recoding.candidates
    step = max(1, -(-len(seen) // MOST_CANDIDATES))
    return tuple((min(1.0, c.classes / max(rows - c.suppressed, 1)), c.suppressed / rows, c.loss) for c in seen[::step])


def checks(card: Card, limits: Limits) -> tuple[Check, ...]:
    """The verdict table: the privacy models first, then every limit that the contract sets."""
    found = [Check(verdict=m.verdict, what=_title(m.model, m.column), sentence=m.sentence) for m in card.models]
    found += [_limit(entry, limits.enforce, _absent(card)) for entry in _limits(card, limits)]
    for attack in card.attacks:
        title = f"{attack.attack} attack" + (f" on {attack.column}" if attack.column else "")
        found.append(Check(verdict=attack.verdict, what=title, sentence=attack.sentence))
    return tuple(found)


def _title(model: str, column: str) -> str:
    return f"{model} of {column}" if column else model


Limit = tuple[str, str, float | None, float | None]
"""Key, words, value reached (None: not measured), limit."""


def _limits(card: Card, limits: Limits) -> list[Limit]:
    """The limits that the contract sets, with what was reached."""
    after = card.risk_after
    certain = max((d.certain_share for d in card.disclosure_after), default=0.0)
    almost = max((d.almost_certain_share for d in card.disclosure_after), default=0.0)
    learners = card.learning.learners if card.learning is not None else ()
    kept = min((learner.kept for learner in learners if learner.kept is not None), default=None)
    suppressed = card.rows_suppressed / card.rows_in if card.rows_in else 0.0
    highest, average, uniques = (
        (after.highest_prosecutor, after.average_prosecutor, after.sample_uniques) if after is not None else (None,) * 3
    )
    detail = card.quality.granularity if card.quality is not None else None
    every: tuple[Limit, ...] = (
        ("highest-risk", "highest risk of re-identification", highest, limits.highest_risk),
        ("average-risk", "average risk of re-identification", average, limits.average_risk),
        ("certain-share", "rows whose sensitive value is certain", certain, limits.certain_share),
        ("almost-certain-share", "rows whose sensitive value is 90 % certain", almost, limits.almost_certain_share),
        ("sample-uniques", "rows that are alone in their class", uniques, limits.sample_uniques),
        ("suppressed-share", "rows suppressed", suppressed, limits.suppressed_share),
        ("granularity", "detail left", detail, limits.granularity),
        ("learning-share", "learning gain kept", kept, limits.learning_share),
    )
    return [entry for entry in every if entry[3] is not None]


def _absent(card: Card) -> str:
    """Why a limit has no figure."""
    if card.learning is not None and card.learning.learners:
        return "not judged, since a model trained on the raw table gains too little over guessing"
    return "not measured in this run"


def _limit(limit: Limit, enforced: tuple[str, ...], absent: str) -> Check:
    name, what, value, bound = limit
    floor = name in ("granularity", "learning-share")
    assert bound is not None
    asked = f"the contract asks for {'at least' if floor else 'at most'} {_percent(bound)} ({name})"
    if value is None:
        why = absent if name == "learning-share" else "not measured in this run"
        return Check(verdict="INFO", what=what, sentence=f"{why}; {asked}")
    # a limit of 1/k is written with a few digits, so the last of them does not decide
    slack = 1e-9
    holds = value >= bound - slack if floor else value <= bound + slack
    verdict: Verdict = "PASS" if holds else ("FAIL" if name in enforced else "WARN")
    return Check(verdict=verdict, what=what, sentence=f"{_percent(value)}; {asked}")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def require_measured(card: Card, limits: Limits) -> None:
    """Raise PrivacyError P432 if the contract enforces a limit of which this run has no figure."""
    for name, _, value, _ in _limits(card, limits):
        if value is None and name in limits.enforce:
            why = _absent(card) if name == "learning-share" else "not measured in this run"
            refuse_unmeasured(name, why, flag=name == "learning-share" and card.learning is None)


def refuse_unmeasured(name: str, why: str, *, flag: bool) -> NoReturn:
    """P432; `flag` where a flag of the command is the cause."""
    ways = ("leave out --no-learning, or " if flag else "") + f"take {name} out of limits: `enforce`"
    raise PrivacyError("P432", f"the contract enforces {name}, which is {why}", hint=ways)


def enforce(found: Sequence[Check]) -> None:
    """Raise PrivacyError P431 if a limit that the contract enforces is missed: then nothing is released."""
    failed = [check for check in found if check.verdict == "FAIL"]
    if failed:
        raise PrivacyError(
            "P431",
            "the release would miss what the contract enforces: "
            + "; ".join(f"{check.what}: {check.sentence}" for check in failed),
            hint="ask for stricter models, or relax the limit in the contract",
        )
