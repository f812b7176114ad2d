"""The steps that a number or date went through before it was generalised, done to single cells.

A release whose ages were rounded to fives was made of 25 and 30; a raw row has 27. Whoever trains on the one and predicts
on the other does the same to the raw cell first. Labels such as `[20, 40)` are left as they are, and what was done to a
cell already changes nothing when it is done again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from math import floor, isclose, isfinite

from jalousie.contract.model import Clip, Round, TruncateDate
from jalousie.learning.frames import cell_text
from jalousie.privacy.card import StepFacts

Rule = Round | Clip | TruncateDate


def rules_of(steps: Sequence[StepFacts]) -> tuple[Rule, ...]:
    """What raw cells must go through, in order; what came before a column was changed at random or joined anew is no more
    to be seen in it."""
    rules: list[Rule] = []
    for step in steps:
        if step.rule is not None:
            rules.append(step.rule)
        elif step.step in ("noise", "randomised-response", "pseudonymise", "enrich", "drop-columns"):
            rules = [rule for rule in rules if rule.column not in step.columns]
    return tuple(rules)


def reshaped(text: str | None, rules: Sequence[Rule]) -> str | None:
    """A cell's text after the rules of its column; anything that is no number (or date) stays."""
    for rule in rules:
        if text is None:
            return None
        text = _cut(text, rule.to) if isinstance(rule, TruncateDate) else _number(text, rule)
    return text


def _number(text: str, rule: Round | Clip) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return text
    if not isfinite(number):
        return text
    if isinstance(rule, Round):
        try:
            changed = _rounded(number, rule.to)
        except OverflowError:
            return text  # a multiple so small that no number is off it
    else:
        changed = number if rule.low is None else max(number, rule.low)
        changed = changed if rule.high is None else min(changed, rule.high)
    return text if changed == number else cell_text(changed)


def _rounded(number: float, to: float) -> float:
    """As the step does it: halves upwards, and by division where `to` is a fraction such as 0.1."""
    inverse = round(1 / to)
    if to < 1 and isclose(inverse * to, 1, rel_tol=1e-12):
        return floor(number * inverse + 0.5) / inverse
    return floor(number / to + 0.5) * to


def _cut(text: str, period: str) -> str | None:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    day = len(text) == len("2000-01-01")
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC)
    start = moment.replace(minute=0, second=0, microsecond=0)
    if period != "hour":
        start = start.replace(hour=0)
    if period == "week":
        start -= dt.timedelta(days=start.weekday())
    elif period in ("month", "quarter", "year"):
        month = {"month": start.month, "quarter": start.month - (start.month - 1) % 3, "year": 1}[period]
        start = start.replace(month=month, day=1)
    return start.date().isoformat() if day else cell_text(start)
