"""What is no sealed column of ours, or not opened by our key, is told with a code of its own, and costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from jalousie.architectures.ask_sealed import Mediating, SealedValidator
from jalousie.contract import digest
from jalousie.errors import ContractError, ValidatorError
from jalousie.sealed.keys import ProviderKey, SealingKey
from jalousie.sealed.opening import Opener
from jalousie.sealed.types import Header, SealedAnswer, SealedColumn
from jalousie.validator.types import Population
from sealed_ground import OWN, Ground, contract, people, pseudonyms, question, split, validator

N = 400
TABLE, PRESENT = people(N), split(N)
GROUPS = (np.arange(N) % 4).astype(np.int32)


def ground(**changes: Any) -> Ground:
    return Ground(contract(**changes), Population(pseudonyms(N)))


def filled(at: Ground, **changes: Any) -> Mediating:
    mediator = at.mediator()
    for name in ("north", "south"):
        for column in at.columns(name, TABLE, PRESENT[name], **changes):
            mediator.accept(column)
    return mediator


def code(act: Callable[[], object], words: str | None) -> str:
    with pytest.raises(ValidatorError, match=words) as caught:
        act()
    text = caught.value.local_text()
    assert "hint:" in text or caught.value.code in ("V212", "V218", "V221")
    return caught.value.code


def first(at: Ground, **changes: Any) -> SealedColumn:
    return at.columns("north", TABLE, PRESENT["north"], **changes)[0]


def header(column: SealedColumn, **changes: Any) -> SealedColumn:
    return replace(column, header=replace(column.header, **changes))


def context(column: SealedColumn, **changes: Any) -> SealedColumn:
    return header(column, context=replace(column.header.context, **changes))


BENT: dict[str, tuple[str, str, Callable[[SealedColumn], SealedColumn]]] = {
    "truncated": ("V218", "not 400 records", lambda c: replace(c, words=c.words[:-1])),
    "a word short": ("V218", "of 2 words", lambda c: replace(c, words=c.words[:, :1])),
    "flat": ("V218", "not 400", lambda c: replace(c, words=c.words.ravel())),
    "signed": ("V218", "64 bits", lambda c: replace(c, words=c.words.view(np.int64))),
    "narrow": ("V218", "64 bits", lambda c: replace(c, words=c.words.astype(np.uint32))),
    "short nonce": ("V218", "header", lambda c: header(c, nonce=b"x")),
    "no check value": ("V218", "header", lambda c: header(c, check=b"")),
    "epoch below 0": ("V218", "header", lambda c: context(c, epoch=-1)),
    "another contract": ("V222", "another contract", lambda c: context(c, contract="sha256:0")),
    "another population": ("V222", "another population", lambda c: context(c, population="sha256:0")),
    "another epoch": ("V222", "another epoch", lambda c: context(c, epoch=1)),
    "an unknown label": ("V222", "another label", lambda c: context(c, label="x")),
    "a label of another width": ("V222", "another label", lambda c: context(c, label="w")),
    "an unknown provider": ("V220", "does not name", lambda c: context(c, provider="west")),
}


@pytest.mark.parametrize("what", BENT)
def test_a_column_that_does_not_belong_is_refused(what: str) -> None:
    at = ground()
    mediator = at.mediator()
    wanted, words, bend = BENT[what]
    assert code(lambda: mediator.accept(bend(first(at))), words) == wanted
    mediator.accept(first(at))  # nothing of it was kept


def test_a_second_column_of_the_same_provider_is_refused_and_the_first_kept() -> None:
    at = ground()
    mediator = filled(at)
    opener = SealedValidator(mediator, at.key)
    asked = question(opener, opener.budget("y").left.value, GROUPS)
    before = opener.ask(asked)
    assert code(lambda: mediator.accept(first(at)), "already") == "V220"
    assert (opener.ask(asked).counts[0] == before.counts[0]).all()


def test_a_missing_provider_is_told_before_anything_is_spent() -> None:
    at = ground()
    mediator = at.mediator()
    for column in at.columns("north", TABLE, PRESENT["north"]):
        mediator.accept(column)
    opener = SealedValidator(mediator, at.key)
    assert code(lambda: opener.ask(question(opener, 0.01, GROUPS)), "1 of 2 providers") == "V219"
    assert opener.budget("y").questions == 0
    with pytest.raises(ValidatorError, match="1 of 2"):
        validator({"north": TABLE}, contract())


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
def test_another_key_is_an_error_and_not_a_wrong_answer(relation: str) -> None:
    at = ground(neighbours=relation)
    opener = SealedValidator(filled(at), SealingKey.new())
    assert code(lambda: opener.ask(question(opener, 0.01, GROUPS)), "another key") == "V221"


def test_one_provider_with_another_key_is_told() -> None:
    at = ground()
    mediator = at.mediator()
    for name, key in (("north", at.key), ("south", SealingKey.new())):
        for column in at.columns(name, TABLE, PRESENT[name], key=key):
            mediator.accept(column)
    opener = SealedValidator(mediator, at.key)
    assert code(lambda: opener.ask(question(opener, 0.01, GROUPS)), "another key") == "V221"


def test_a_header_that_was_changed_on_the_way_is_told() -> None:
    at = ground()
    mediator = filled(at)
    asked = question(mediator, 0.01, GROUPS)
    sealed = mediator.ask(asked)
    opener = opener_of(at)
    changed = replace(sealed.headers[0], nonce=bytes(16))
    bent = replace(sealed, headers=(changed, *sealed.headers[1:]))
    assert code(lambda: opener.unmask(bent, asked), "header was changed") == "V221"


def opener_of(at: Ground, *, key: SealingKey | None = None, epoch: int = 0) -> Opener:
    population = at.population
    return Opener(key or at.key, digest(at.agreed), at.feedback, population.digest(), population.size, epoch)


def test_an_answer_from_other_columns_than_agreed_is_not_opened() -> None:
    at = ground()
    mediator = filled(at)
    asked = question(mediator, 0.01, GROUPS)
    sealed = mediator.ask(asked)
    other = question(mediator, 0.01, GROUPS, label="w")

    def opened(headers: tuple[Header, ...] = sealed.headers, **changes: Any) -> str:
        bent = SealedAnswer(replace(sealed.masked, **changes), headers)
        return code(lambda: opener_of(at).unmask(bent, asked), None)

    assert opened(sealed.headers[:1]) == "V219"
    assert opened(sealed.headers[::-1]) == "V219"
    assert opened(()) == "V219"
    assert opened(counts=sealed.masked.counts * 2) == "V218"
    assert opened(counts=(sealed.masked.counts[0][:-1],)) == "V218"
    assert opened(totals=(sealed.masked.counts[0][:, 0],)) == "V218"
    assert code(lambda: opener_of(at, epoch=1).unmask(sealed, asked), "another epoch") == "V222"
    assert code(lambda: opener_of(at).unmask(sealed, other), "another label") == "V222"
    opener_of(at).unmask(sealed, asked)


def test_columns_of_an_earlier_epoch_are_not_mixed_with_new_ones() -> None:
    at = Ground(contract(), Population(pseudonyms(N)), epoch=3)
    mediator = at.mediator()
    old = at.columns("north", TABLE, epoch=2)[0]
    assert code(lambda: mediator.accept(old), "another epoch") == "V222"
    opener = SealedValidator(filled(at), at.key)
    opener.ask(question(opener, 0.01, GROUPS))


def test_a_store_with_answers_from_before_is_not_taken_up_again() -> None:
    """They would be opened with pads of other columns."""
    at = ground()
    mediator = filled(at)
    mediator.ask(question(mediator, 0.01, GROUPS))
    assert code(lambda: Mediating(at.agreed, mediator.kept, OWN, at.population), "sealed before") == "V222"


@pytest.mark.parametrize("kind", [SealingKey, ProviderKey])
def test_keys_have_32_bytes_and_do_not_show_them(kind: type) -> None:
    assert code(lambda: kind(b"short"), "32 bytes") == "V221"
    secret = bytes(range(65, 97))
    assert "ABC" not in repr(kind(secret))


def test_tables_of_different_lengths_are_refused() -> None:
    short = {name: values[:-1] for name, values in TABLE.items()}
    assert code(lambda: validator({"north": TABLE, "south": short}, contract()), "one length") == "V212"
    assert code(lambda: validator({}, contract()), "none is given") == "V212"
    assert code(lambda: validator({"north": TABLE, "west": TABLE}, contract()), "does not name") == "V220"


def test_presence_of_an_unknown_provider_and_a_provider_that_is_named_twice_are_told() -> None:
    """A name with a slip would otherwise leave everybody at that provider; a column that is opened twice would be nonsense."""
    slip = {"nroth": PRESENT["north"], "south": PRESENT["south"]}
    assert code(lambda: validator({"north": TABLE, "south": TABLE}, contract(), slip), "no table") == "V220"
    with pytest.raises(ContractError, match="named twice") as caught:
        validator({"north": TABLE}, contract(("north", "north")))
    assert caught.value.code == "C103"
