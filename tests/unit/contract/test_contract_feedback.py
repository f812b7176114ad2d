"""The `feedback` part: contradictions and unknown names, each with code, place and hint, and never with a class's value."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from math import inf, nan
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_desk import CANARY, Desk, Ran
from jalousie.contract import check_contract, parse_contract
from jalousie.contract.feedback import Label
from jalousie.contract.party_keys import well_formed
from jalousie.errors import ContractError, JalousieError
from jalousie.validator.sensitivity import grid
from jalousie.wire.keys import PublicKey

BASE = """\
jalousie: 1
name: x
parties: {provider: P}
table: {file: people.csv}
columns:
  id: {role: identifier}
  household: {role: plain}
  age: {role: quasi-identifier, type: integer}
  income: {role: sensitive}
  hours: {role: plain, type: integer}
  paid: {role: sensitive, type: boolean}
  born: {role: sensitive, type: date}
  share: {role: sensitive, type: decimal}
  seen: {role: sensitive, type: datetime}
feedback:
  identifier: id
  labels:
    rich: {column: income, classes: [low, high]}
    work: {column: hours, kind: number, low: 0, high: 50}
"""


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


def label(text: str) -> str:
    """The contract with another first label, on line 17."""
    return changed("{column: income, classes: [low, high]}", "{" + text + "}")


def more(text: str) -> str:
    return BASE + f"  {text}\n"


def fault(contract: str) -> ContractError:
    with pytest.raises(ContractError) as caught:
        parse_contract(contract, file="c.yaml")
    return caught.value


def sealed(text: str) -> str:
    """The contract with sealed labels, on line 20, and a mediator."""
    return changed("{provider: P}", "{provider: P, mediator: M}") + f"  sealed: {{{text}}}\n"


RICH = "feedback.labels.rich"
FAULTS: dict[str, tuple[str, str, str, str]] = {
    # what: contract, code and place, words of the message, words of the hint
    "an identifier that is no column": (
        changed("identifier: id\n  labels", "identifier: idd\n  labels"),
        "C102 c.yaml:16:3  feedback.identifier",
        'no column "idd"',
        'did you mean "id"?',
    ),
    "an identifier of another role": (
        changed("identifier: id\n  labels", "identifier: age\n  labels"),
        "C103 c.yaml:16:3  feedback.identifier",
        "role quasi-identifier",
        'name "id", or give "age" the role identifier',
    ),
    "a label of no column": (
        label("column: incom, classes: [low, high]"),
        f"C102 c.yaml:18:12  {RICH}.column",
        'no column "incom"',
        'did you mean "income"?',
    ),
    "the identifier as a label": (
        label("column: id, classes: [low, high]"),
        f"C103 c.yaml:18:12  {RICH}.column",
        "about who, not what",
        "another column",
    ),
    "a quasi-identifier as a label": (
        label("column: age, classes: ['1', '2']"),
        f"C103 c.yaml:18:12  {RICH}.column",
        "no budget hides it",
        "role sensitive",
    ),
    "no classes": (label("column: income"), f"C103 c.yaml:18:5  {RICH}.classes", "0 of at least 2", "classes: ["),
    "one class": (
        label("column: income, classes: [a]"),
        f"C103 c.yaml:18:28  {RICH}.classes",
        "1 of at least 2",
        "list all",
    ),
    "a class twice": (
        label("column: income, classes: [a, b, a]"),
        f"C103 c.yaml:18:44  {RICH}.classes.2",
        "class 3 is class 1 again",
        "once",
    ),
    "the null as a class": (
        label("column: income, classes: [a, b, '']"),
        f"C103 c.yaml:18:44  {RICH}.classes.2",
        "writes a null",
        "leave it out",
    ),
    "too many classes": (
        label(f"column: income, classes: {[f'c{number}' for number in range(2**15)]}"),
        f"C103 c.yaml:18:28  {RICH}.classes",
        "32767 are allowed",
        "join some",
    ),
    "a class no whole number can be": (
        label("column: hours, classes: ['1', '02']"),
        f"C103 c.yaml:18:42  {RICH}.classes.1",
        "cannot occur in a column of type integer",
        '"12"',
    ),
    "a class no number can be": (
        label("column: share, classes: ['0.5', '1.0']"),
        f"C103 c.yaml:18:44  {RICH}.classes.1",
        "type decimal",
        "needless zero",
    ),
    "a class no truth value can be": (
        label("column: paid, classes: ['yes', '1']"),
        f"C103 c.yaml:18:36  {RICH}.classes.0",
        "type boolean",
        '"true"',
    ),
    "a class no date can be": (
        label("column: born, classes: ['2024-02-29', '2024-2-9']"),
        f"C103 c.yaml:18:50  {RICH}.classes.1",
        "type date",
        "2024-02-29",
    ),
    "a class no time can be": (
        label("column: seen, classes: ['2024-02-29 12:30:00', '2024-02-29T12:30:00']"),
        f"C103 c.yaml:18:59  {RICH}.classes.1",
        "type datetime",
        "12:30:00",
    ),
    "numbers as classes": (
        label("column: hours, classes: [0, '1']"),
        f"C102 c.yaml:18:37  {RICH}.classes.0",
        "must be text",
        "quotes",
    ),
    "bounds of classes": (
        label("column: income, classes: [a, b], high: 1"),
        f"C103 c.yaml:18:45  {RICH}.high",
        "for a label that is a number",
        "kind: number",
    ),
    "classes of a number": (
        label("column: hours, kind: number, low: 0, high: 9, classes: [a, b]"),
        f"C103 c.yaml:18:58  {RICH}.classes",
        "the label is a number",
        "leave one",
    ),
    "a number without a bound": (
        label("column: hours, kind: number, low: 0"),
        f"C103 c.yaml:18:5  {RICH}.high",
        'without "high"',
        "add `high",
    ),
    "bounds the wrong way": (
        label("column: hours, kind: number, low: 9, high: 1"),
        f"C103 c.yaml:18:41  {RICH}.low",
        "below high, 1",
        "exchange",
    ),
    "bounds that are equal": (
        label("column: hours, kind: number, low: 9, high: 9"),
        f"C103 c.yaml:18:41  {RICH}.low",
        "below high",
        "exchange",
    ),
    "a unit too small": (
        label("column: hours, kind: number, low: 0, high: 9, unit: 1e-12"),
        f"C103 c.yaml:18:58  {RICH}.unit",
        "too small",
        "hundredth",
    ),
    "a unit too large": (
        label("column: hours, kind: number, low: 0, high: 9, unit: 100"),
        f"C103 c.yaml:18:58  {RICH}.unit",
        "larger than",
        "hundredth",
    ),
    "cuts out of order": (
        label("column: hours, cuts: [20, 10], low: 0, high: 50"),
        f"C103 c.yaml:18:27  {RICH}.cuts",
        "do not rise",
        "in order",
    ),
    "cuts outside the bounds": (
        label("column: hours, cuts: [0, 10], low: 0, high: 50"),
        f"C103 c.yaml:18:27  {RICH}.cuts",
        "do not rise",
        "inside the bounds",
    ),
    "cuts without a bound": (
        label("column: hours, cuts: [10], high: 50"),
        f"C103 c.yaml:18:5  {RICH}.low",
        'needs "low"',
        "add `low",
    ),
    "cuts and classes": (
        label("column: hours, cuts: [10], classes: [few, many], low: 0, high: 50"),
        f"C103 c.yaml:18:39  {RICH}.classes",
        "the cuts make them",
        "leave one",
    ),
    "cuts of a sum": (
        label("column: hours, kind: number, cuts: [10], low: 0, high: 50"),
        f"C103 c.yaml:18:41  {RICH}.cuts",
        "the label is summed",
        "leave out the cuts",
    ),
    "cuts of a date": (
        label("column: born, cuts: [10], low: 0, high: 50"),
        f"C103 c.yaml:18:26  {RICH}.cuts",
        "type date holds no numbers",
        "classes",
    ),
    "cuts with a unit": (
        label("column: hours, cuts: [10], low: 0, high: 50, unit: 2"),
        f"C103 c.yaml:18:57  {RICH}.unit",
        "summed",
        "leave it out",
    ),
    "a number of a date": (
        label("column: born, kind: number, low: 0, high: 9"),
        f"C103 c.yaml:18:26  {RICH}.kind",
        "type date holds no numbers",
        "classes",
    ),
    "one label under two names": (
        BASE.replace("    work:", "    wealth: {column: income, classes: [low, high]}\n    work:"),
        "C103 c.yaml:19:5  feedback.labels.wealth",
        'is "rich" again',
        "keep one",
    ),
    "no labels": (
        BASE[: BASE.index("    rich:")].replace("labels:", "labels: {}"),
        "C102 c.yaml:17:11  feedback.labels",
        "at least 1 entry",
        "add one",
    ),
    "a subject that is no column": (
        more("unit: subject\n  subject: houshold"),
        "C102 c.yaml:21:3  feedback.subject",
        'no column "houshold"',
        'did you mean "household"?',
    ),
    "a subject without its unit": (
        more("subject: household"),
        "C103 c.yaml:20:3  feedback.subject",
        "the unit of protection is the record",
        "unit: subject",
    ),
    "a bound without its unit": (
        more("records-per-subject: 3"),
        "C103 c.yaml:20:3  feedback.records-per-subject",
        "the unit of protection is the record",
        "unit: subject",
    ),
    "a unit without its subject": (
        more("unit: subject"),
        "C103 c.yaml:20:3  feedback.unit",
        "no column names one",
        "records-per-subject",
    ),
    "the identifier as the subject": (
        more("unit: subject\n  subject: id\n  records-per-subject: 3"),
        "C103 c.yaml:21:3  feedback.subject",
        "identifier itself",
        "leave `subject` out",
    ),
    "the subject as a label": (
        BASE.replace("column: income", "column: household") + "  unit: subject\n  subject: household\n",
        f"C103 c.yaml:18:12  {RICH}.column",
        "about who, not what",
        "another column",
    ),
    "a provider that seals twice": (
        sealed("providers: [north, south, north]"),
        "C103 c.yaml:20:38  feedback.sealed.providers.2",
        "provider 3 is named twice",
        "name each once",
    ),
    "a provider without a name": (
        sealed('providers: [north, ""]'),
        "C103 c.yaml:20:31  feedback.sealed.providers.1",
        "provider 2 has no name",
        "name it",
    ),
    "nobody who seals": (
        sealed("providers: []"),
        "C102 c.yaml:20:23  feedback.sealed.providers",
        "at least 1",
        "add one",
    ),
    "one provider that shares no record with itself": (
        sealed("providers: [north], disjoint: true"),
        "C103 c.yaml:20:32  feedback.sealed.disjoint",
        "nothing can be at two",
        "leave it out",
    ),
    "sealed labels and no mediator": (
        more("sealed: {providers: [north]}"),
        "C103 c.yaml:20:3  feedback.sealed",
        "`parties` names none",
        "add `mediator`",
    ),
    "no epsilon": (more("epsilon: 0"), "C102 c.yaml:20:12  feedback.epsilon", "more than 0", "more than 0"),
    "an epsilon that hides nothing": (
        more("epsilon: 1000"),
        "C103 c.yaml:20:3  feedback.epsilon",
        "hides nothing",
        "at most 100",
    ),
    "a lifetime below the contract": (
        more("epsilon: 4\n  lifetime-epsilon: 2"),
        "C103 c.yaml:21:3  feedback.lifetime-epsilon",
        "more than the lifetime's 2",
        "at least 4",
    ),
    "a lifetime below two labels' pure epsilons": (
        BASE.replace("    work:", "    poor: {column: income, classes: [high, low]}\n    work:")
        + "  noise: laplace\n  epsilon: 1\n  lifetime-epsilon: 1.5\n",
        "C103 c.yaml:23:3  feedback.lifetime-epsilon",
        "2 labels of one column need 2 times epsilon 1",
        "at least 2",
    ),
    "delta 0": (more("delta: 0"), "C102 c.yaml:20:10  feedback.delta", "more than 0", "more than 0"),
    "delta 1": (more("delta: 1"), "C102 c.yaml:20:10  feedback.delta", "less than 1", "less than 1"),
    "a large delta": (more("delta: 0.01"), "C103 c.yaml:20:3  feedback.delta", "given away whole", "1e-6"),
    "groups of none": (more("min-group: 0"), "C102 c.yaml:20:14  feedback.min-group", "at least 1", "at least 1"),
    "a rate of none": (
        more("questions-per-minute: 0"),
        "C102 c.yaml:20:25  feedback.questions-per-minute",
        "at least 1",
        "at least 1",
    ),
    "no questions": (more("max-questions: 0"), "C102 c.yaml:20:18  feedback.max-questions", "at least 1", "at least 1"),
    "a grid below zero": (more("answer-grid: -1"), "C102 c.yaml:20:16  feedback.answer-grid", "at least 0", "at least"),
    "a grid longer than clients wait": (
        more("answer-grid: 3600"),
        "C103 c.yaml:20:3  feedback.answer-grid",
        "longer than a client waits",
        "at most 60",
    ),
    "a word that is nearly one": (
        more("min-groop: 5"),
        "C102 c.yaml:20:3  feedback.min-groop",
        'unknown key "min-groop"',
        'did you mean "min-group"?',
    ),
    "neighbours of no kind": (
        more("neighbours: change-labels"),
        "C102 c.yaml:20:15  feedback.neighbours",
        "neighbours",
        'did you mean "change-label"?',
    ),
    "a key that is none": (
        changed("{provider: P}", "{provider: P, provider-key: 'ed25519:abc'}"),
        "C103 c.yaml:3:24  parties.provider-key",
        '"provider-key" is not a public key',
        "44 characters",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_told_with_its_place_and_a_hint(what: str) -> None:
    text, place, words, hint = FAULTS[what]
    error = fault(text)
    assert f"{error.code} {error.where}" == place
    assert words in error.message
    assert hint in error.hint
    assert getattr(error, "others", ()) == ()


@pytest.mark.parametrize("what", FAULTS)
def test_on_the_command_line_nothing_is_written(
    what: str, desk: Desk, refused: Callable[[Ran, str, int], None]
) -> None:
    text, place, *_ = FAULTS[what]
    desk.write("contract.yaml", text)
    for words in (("check", "contract.yaml"), ("serve", "provider", "--contract", "contract.yaml", "--port", "0")):
        ran = desk.run(*words)
        refused(ran, place[:4], 3)
    assert desk.left() == set()


def test_the_base_is_good_without_a_privacy_part_and_a_privacy_part_without_it() -> None:
    assert parse_contract(BASE).contract.privacy is None
    release = BASE[: BASE.index("feedback:")] + "privacy: {models: [{model: k-anonymity, k: 5}]}\n"
    assert parse_contract(release).contract.feedback is None
    both = parse_contract(BASE + "privacy: {models: [{model: k-anonymity, k: 5}]}\n").contract
    assert both.feedback is not None
    assert both.privacy is not None


def test_sealed_labels_are_not_served_by_the_provider_itself(
    desk: Desk, refused: Callable[[Ran, str, int], None]
) -> None:
    text = sealed("providers: [north, south], disjoint: true")
    contract = parse_contract(text).contract
    assert contract.feedback is not None
    assert contract.feedback.copies() == 1
    desk.write("contract.yaml", text)
    refused(desk.run("serve", "provider", "--contract", "contract.yaml", "--port", "0"), "C103", 3)
    assert desk.left() == set()


GOOD = {
    "a number counted by interval": label("column: hours, cuts: [10, 20.5], low: 0, high: 50"),
    "a subject with a bound": more("unit: subject\n  subject: household\n  records-per-subject: 3"),
    "a subject of one record": more("unit: subject\n  subject: household"),
    "identifiers that are subjects": more("unit: subject\n  records-per-subject: 3"),
    "a lifetime that is the contract": more("epsilon: 2\n  lifetime-epsilon: 2"),
    "pure epsilon, where delta is nothing": more("noise: laplace\n  delta: 0.01"),
    "truth values": label("column: paid, classes: ['false', 'true']"),
    "truth values as numbers": label("column: paid, classes: ['0', '1']"),
    "whole numbers": label("column: hours, classes: ['-3', '0', '40']"),
    "numbers": label("column: share, classes: ['0.5', '2']"),
    "dates": label("column: born, classes: ['2024-02-29', '2024-03-01']"),
    "a plain column": label("column: household, classes: [a, b]"),
    "two labels of one column": label("column: hours, classes: ['1', '2']"),
}


@pytest.mark.parametrize("what", GOOD)
def test_what_is_no_fault(what: str) -> None:
    parse_contract(GOOD[what])


def test_all_faults_of_a_file_are_told_at_once() -> None:
    error = fault(label("column: incom, classes: [a, a]") + "  subject: household\n  delta: 0.5\n")
    assert "and 3 more in the same contract" in str(error)
    assert [fault.code for fault in (error, *error.others)] == ["C102", "C103", "C103", "C103"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "classes",
    [f"[{CANARY}]", f"[{CANARY}, {CANARY}]", f"['1', {CANARY}]"],
)
def test_classes_are_never_quoted(classes: str) -> None:
    error = fault(label(f"column: hours, classes: {classes}"))
    assert CANARY not in str(error) + repr(error.to_dict()) + error.remote_text()


@pytest.mark.parametrize(("key", "value"), [(k, v) for k in ("low", "high", "unit") for v in (nan, inf, -inf)])
def test_numbers_made_in_python_are_finite(key: str, value: float) -> None:
    contract = parse_contract(BASE).contract
    assert contract.feedback is not None
    work = msgspec.structs.replace(contract.feedback.labels["work"], **{key: value})
    feedback = msgspec.structs.replace(contract.feedback, labels={"work": work})
    (error,) = check_contract(msgspec.structs.replace(contract, feedback=feedback))
    assert (error.code, str(error.where)) == ("C103", f"feedback.labels.work.{key}")


@pytest.mark.parametrize("key", ["epsilon", "lifetime_epsilon", "answer_grid", "delta"])
def test_budgets_made_in_python_are_numbers(key: str) -> None:
    contract = parse_contract(BASE).contract
    feedback = msgspec.structs.replace(contract.feedback, **{key: nan})
    assert check_contract(msgspec.structs.replace(contract, feedback=feedback))


BOUND = st.floats(-1e6, 1e6, allow_nan=False)


@given(BOUND, BOUND, st.sampled_from([1e-9, 1e-6, 0.01, 1.0, 3.0, 1e4, 1e9]), st.booleans())
def test_a_number_passes_just_when_the_validator_can_answer(low: float, high: float, unit: float, public: bool) -> None:
    contract = parse_contract(BASE).contract
    wanted = Label(column="hours", kind="number", low=low, high=high, unit=unit)
    neighbours: Any = "change-label" if public else "add-or-remove"
    feedback = msgspec.structs.replace(contract.feedback, labels={"work": wanted}, neighbours=neighbours)
    faults = check_contract(msgspec.structs.replace(contract, feedback=feedback))
    try:
        grid(wanted, neighbours)
        answered = True
    except JalousieError:
        answered = False
    assert answered == (not faults)


# -- keys

KEY = "ed25519:" + base64.b64encode(bytes(range(32))).decode()
OTHER = "ed25519:" + base64.b64encode(bytes(range(1, 33))).decode()


def test_keys_of_both_parties() -> None:
    parse_contract(changed("{provider: P}", f"{{provider: P, provider-key: '{KEY}', ml-party-key: '{OTHER}'}}"))
    error = fault(changed("{provider: P}", f"{{provider: P, provider-key: '{KEY}', ml-party-key: '{KEY}'}}"))
    assert f"{error.code} {error.where}" == f"C103 c.yaml:3:{24 + 16 + len(KEY) + 2}  parties.ml-party-key"
    assert "one key" in error.message
    assert "keys new" in error.hint


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: "ed25519:" + base64.b64encode(raw).decode()))
def test_a_key_is_well_formed_just_when_it_can_be_read(text: str) -> None:
    try:
        PublicKey.parse(text)
        read = text == text.strip()
    except JalousieError:
        read = False
    assert well_formed(text) == read
    assert well_formed(KEY)
    assert re.fullmatch(r"ed25519:[A-Za-z0-9+/]{43}=", KEY)
