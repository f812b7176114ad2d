"""Does the `feedback` part make sense? Columns that exist in roles that fit, labels that can be answered about, a budget."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from jalousie.contract.feedback import Feedback, Label
from jalousie.contract.model import Column, ColumnType, Contract
from jalousie.errors import did_you_mean

MOST_EPSILON = 100.0
MOST_DELTA = 1e-3
MOST_GRID = 60.0
_MOST_CLASSES = 2**15 - 1  # class numbers are 16 bits
_MOST_STEPS = 2**31
_NUMBERS = ("text", "integer", "decimal")  # text is also what a column of Parquet or Arrow has when nothing is said


class Fault(NamedTuple):
    """What is wrong: `path` is the place in the contract. Messages never quote a class: it may be a cell."""

    path: str
    message: str
    hint: str
    code: str = "C103"


def feedback_faults(contract: Contract, feedback: Feedback) -> Iterator[Fault]:
    """Faults that can be told without the data; C102 for names that are unknown, C103 for contradictions."""
    yield from _identifier(contract, feedback)
    yield from _subject(contract, feedback)
    for name, label in feedback.labels.items():
        yield from _label(contract, feedback, name, label)
    yield from _twins(feedback)
    yield from _budget(feedback)
    yield from _sealed(contract, feedback)


def _unknown(path: str, name: str, contract: Contract) -> Fault:
    return Fault(path, f'no column "{name}" in the contract', did_you_mean(name, contract.columns), "C102")


def _identifier(contract: Contract, feedback: Feedback) -> Iterator[Fault]:
    path, name = "feedback.identifier", feedback.identifier
    column = contract.columns.get(name)
    if column is None:
        yield _unknown(path, name, contract)
    elif column.role != "identifier":
        others = [other for other, known in contract.columns.items() if known.role == "identifier"]
        hint = f'name "{others[0]}", or ' if others else ""
        yield Fault(
            path,
            f'"{name}" has the role {column.role}; records are named by an identifier',
            f'{hint}give "{name}" the role identifier',
        )


def _subject(contract: Contract, feedback: Feedback) -> Iterator[Fault]:
    path, name = "feedback.subject", feedback.subject
    if name and name not in contract.columns:
        yield _unknown(path, name, contract)
    if feedback.unit == "record":
        if name:
            yield Fault(path, "a subject is named, but the unit of protection is the record", "add `unit: subject`")
        if feedback.records_per_subject > 1:
            yield Fault(
                "feedback.records-per-subject",
                "records of a subject are counted, but the unit of protection is the record",
                "add `unit: subject`, or leave it out",
            )
    elif name and name == feedback.identifier:
        yield Fault(
            path,
            "the subject is the identifier itself: of each, one record would count",
            "leave `subject` out: several rows of one identifier are then one subject's",
        )
    elif not name and feedback.records_per_subject == 1:
        yield Fault(
            "feedback.unit",
            "the unit of protection is the subject, but no column names one",
            "add `subject: COLUMN`; where the identifier itself names the subject, give `records-per-subject`",
        )


# -- labels


def _label(contract: Contract, feedback: Feedback, name: str, label: Label) -> Iterator[Fault]:
    path = f"feedback.labels.{name}"
    column = contract.columns.get(label.column)
    if column is None:
        yield _unknown(f"{path}.column", label.column, contract)
    else:
        yield from _role(f"{path}.column", feedback, label, column)
    kind = "text" if column is None else column.type
    if label.kind == "number":
        yield from _number(path, feedback, label, kind)
    elif label.cuts:
        yield from _cuts(path, label, kind)
    else:
        yield from _classes(path, label, kind, contract.table.csv.nulls)


def _role(path: str, feedback: Feedback, label: Label, column: Column) -> Iterator[Fault]:
    """A label is what the ML party does not know and the budget hides."""
    name = label.column
    if name == feedback.identifier:
        yield Fault(path, "the label is the identifier: an answer would be about who, not what", "name another column")
    elif feedback.subject and name == feedback.subject:
        yield Fault(path, "the label is the subject: an answer would be about who, not what", "name another column")
    elif column.role == "identifier":
        yield Fault(path, f'"{name}" is an identifier: an answer would be about who, not what', "name another column")
    elif column.role == "quasi-identifier":
        yield Fault(
            path,
            f'"{name}" is a quasi-identifier: others may know it, so no budget hides it',
            "if others do not know it, give it the role sensitive (or plain)",
        )


def _classes(path: str, label: Label, kind: ColumnType, nulls: tuple[str, ...]) -> Iterator[Fault]:
    for key, given in (("low", label.low is not None), ("high", label.high is not None), ("unit", label.unit != 1.0)):
        if given:
            yield Fault(
                f"{path}.{key}", f'"{key}" is for a label that is a number', "add `kind: number`, or leave it out"
            )
    count = len(label.classes)
    if count < 2:
        yield Fault(f"{path}.classes", f"the label has {count} of at least 2 classes", "list all: `classes: [no, yes]`")
    if count > _MOST_CLASSES:
        yield Fault(f"{path}.classes", f"the label has {count} classes; {_MOST_CLASSES} are allowed", "join some")
    first: dict[str, int] = {}
    for place, value in enumerate(label.classes):
        here, number = f"{path}.classes.{place}", place + 1
        if value in first:
            yield Fault(here, f"class {number} is class {first[value]} again", "list each once")
        elif value in nulls:
            yield Fault(here, f"class {number} is how the table writes a null, which counts nowhere", "leave it out")
        elif kind in _FITS and not _FITS[kind][0](value):
            yield Fault(here, f"class {number} cannot occur in a column of type {kind}", _FITS[kind][1])
        first.setdefault(value, number)


def _cuts(path: str, label: Label, kind: ColumnType) -> Iterator[Fault]:
    if kind not in _NUMBERS:
        yield Fault(f"{path}.cuts", f"a column of type {kind} holds no numbers", "list its `classes` instead")
    if label.unit != 1.0:
        yield Fault(f"{path}.unit", '"unit" is for a label that is summed', "leave it out")
    ends = (("low", label.low), ("high", label.high))
    for key, value in ends:
        if value is None or not isfinite(value):
            yield Fault(f"{path}.{key}", f'a label with cuts needs "{key}", a finite number', f"add `{key}: ...`")
    if any(value is None or not isfinite(value) for _, value in ends):
        return
    if label.classes != label.intervals():
        yield Fault(f"{path}.classes", "classes are listed, but the cuts make them", "leave one of them out")
    if not all(low < high for low, high in pairwise(label.ends())):  # also where a cut is not a number
        yield Fault(f"{path}.cuts", "the cuts do not rise from low to high", "put them in order, inside the bounds")
    if len(label.cuts) >= _MOST_CLASSES:
        yield Fault(f"{path}.cuts", f"there are {len(label.cuts)} cuts; {_MOST_CLASSES - 1} are allowed", "join some")


def _number(path: str, feedback: Feedback, label: Label, kind: ColumnType) -> Iterator[Fault]:
    if label.cuts:
        yield Fault(f"{path}.cuts", "cuts make classes, but the label is summed", "leave out the cuts, or the kind")
    elif label.classes:
        yield Fault(f"{path}.classes", "classes are listed, but the label is a number", "leave one of them out")
    if kind not in _NUMBERS:
        yield Fault(f"{path}.kind", f"a column of type {kind} holds no numbers", "list its `classes` instead")
    bounds = (("low", label.low), ("high", label.high), ("unit", label.unit))
    for key, value in bounds:
        if value is None:
            yield Fault(f"{path}.{key}", f'the label is a number without "{key}"', f"add `{key}: ...`")
        elif not isfinite(value):
            yield Fault(f"{path}.{key}", f'"{key}" is not finite', "give a number")
    low, high, unit = label.low, label.high, label.unit
    if low is None or high is None or not all(map(isfinite, (low, high, unit))):
        return
    if low >= high:
        yield Fault(f"{path}.low", f"low is {low:g}; it must be below high, {high:g}", "exchange or correct them")
    elif unit > 0:
        origin = low if feedback.neighbours == "change-label" else 0.0
        if max(abs(low), abs(high)) / unit >= _MOST_STEPS:
            yield Fault(f"{path}.unit", "the unit is too small for the bounds", _A_HUNDREDTH)
        elif round((low - origin) / unit) == round((high - origin) / unit):
            yield Fault(f"{path}.unit", "the unit is larger than what lies between the bounds", _A_HUNDREDTH)


_A_HUNDREDTH = "choose a `unit` of about a hundredth of the range"


def _twins(feedback: Feedback) -> Iterator[Fault]:
    """Two names for one label would pay, and be protected, twice as badly for nothing."""
    seen: dict[Label, str] = {}
    for name, label in feedback.labels.items():
        if label in seen:
            yield Fault(
                f"feedback.labels.{name}", f'label "{name}" is "{seen[label]}" again; each reserves budget', "keep one"
            )
        seen.setdefault(label, name)


# -- budget and limits


def _budget(feedback: Feedback) -> Iterator[Fault]:
    for key, value, most, why in (
        ("epsilon", feedback.epsilon, MOST_EPSILON, "hides nothing"),
        ("lifetime-epsilon", feedback.lifetime_epsilon, MOST_EPSILON, "hides nothing"),
        ("answer-grid", feedback.answer_grid, MOST_GRID, "is longer than a client waits"),
    ):
        if value is not None and not value <= most:
            yield Fault(f"feedback.{key}", f'"{key}" above {most:g} {why}', f"give at most {most:g}")
    if feedback.noise == "gaussian" and not feedback.delta <= MOST_DELTA:
        yield Fault(
            "feedback.delta",
            f"delta is {feedback.delta:g}: so many of all labels may be given away whole",
            "choose it well below 1 / records of the population, such as 1e-6",
        )
    life = feedback.lifetime_epsilon
    if life is None:
        return
    # pure epsilons of labels of one column add up; of Gaussian noise their rho do, which registration counts
    columns = [label.column for label in feedback.labels.values()]
    labels = max((columns.count(column) for column in columns), default=1) if feedback.noise == "laplace" else 1
    if labels * feedback.epsilon > life:
        each = f"{labels} labels of one column need {labels} times " if labels > 1 else ""
        yield Fault(
            "feedback.lifetime-epsilon",
            f"{each}epsilon {feedback.epsilon:g} is more than the lifetime's {life:g}",
            f"raise it to at least {labels * feedback.epsilon:g}, or lower `epsilon`",
        )


def _sealed(contract: Contract, feedback: Feedback) -> Iterator[Fault]:
    if feedback.sealed is None:
        return
    providers = feedback.sealed.providers
    for place, name in enumerate(providers):
        here = f"feedback.sealed.providers.{place}"
        if not name:
            yield Fault(here, f"provider {place + 1} has no name", "name it")
        elif name in providers[:place]:
            yield Fault(here, f"provider {place + 1} is named twice: its labels would count twice", "name each once")
    if feedback.sealed.disjoint and len(providers) == 1:
        yield Fault("feedback.sealed.disjoint", "there is one provider, so nothing can be at two", "leave it out")
    if not contract.parties.mediator:
        yield Fault("feedback.sealed", "labels are sealed for a mediator, and `parties` names none", "add `mediator`")


# -- classes as a column's type writes them (validator.match compares them so)


def _whole(value: str) -> bool:
    digits = value.removeprefix("-")
    return len(value) < 40 and digits.isascii() and digits.isdigit() and str(int(value)) == value


def _decimal(value: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return isfinite(number) and value == (str(int(number)) if number.is_integer() else repr(number))


def _iso(parse: Callable[[str], date]) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        try:
            return str(parse(value)) == value
        except ValueError:
            return False

    return fits


_FITS: dict[ColumnType, tuple[Callable[[str], bool], str]] = {
    "integer": (_whole, 'whole numbers are written as "12" or "-3"'),
    "decimal": (_decimal, 'numbers are written as "0.5" or "2", without a needless zero'),
    "boolean": (lambda value: value in ("true", "false", "1", "0"), 'write "true" and "false"'),
    "date": (_iso(date.fromisoformat), 'dates are written as "2024-02-29"'),
    "datetime": (_iso(datetime.fromisoformat), 'times are written as "2024-02-29 12:30:00"'),
}
