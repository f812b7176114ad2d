"""Whatever happens to an exported file, verification gives one of our errors; and an honest history always replays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.errors import LedgerError
from jalousie.ledger.checkpoint import parse_checkpoint
from jalousie.ledger.note import VerifierKey
from jalousie.ledger.replay import Replay
from jalousie.ledger.verify import verify_export
from ledger_story import CONTRACT, EVERYBODY, LOG_VERIFIER, SIZE, Story, export_of, honest, name

LINES = {proofs: export_of(honest().entries, proofs=proofs) for proofs in (True, False)}


@given(st.sampled_from([True, False]), st.data())
def test_no_byte_can_change(proofs: bool, data: st.DataObject) -> None:
    lines = list(LINES[proofs])
    number = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[number]) - 2))  # the line break is not part of the line
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != lines[number][at]))
    lines[number] = lines[number][:at] + bytes([byte]) + lines[number][at + 1 :]
    with pytest.raises(LedgerError):
        verify_export(lines, LOG_VERIFIER)


@given(st.lists(st.binary(max_size=200), max_size=5), st.booleans())
def test_noise_is_refused(lines: list[bytes], with_header: bool) -> None:
    header = [LINES[True][0]] if with_header else []
    with pytest.raises(LedgerError):
        verify_export([*header, *lines], LOG_VERIFIER)


@given(st.text(max_size=300))
def test_notes_and_keys_from_anywhere(text: str) -> None:
    for read in (parse_checkpoint, VerifierKey.parse):
        with pytest.raises(LedgerError):
            read(text)


@given(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=4, unique=True), max_size=25), st.integers(1, 400))
def test_honest_histories_replay_without_fault(questions: list[list[int]], charge: int) -> None:
    """Against a plain account of the same history: the first asker of a partition pays, whatever comes together with it."""
    story = Story()
    story.register()
    story.population()
    paid, answered, refused = 0, set[int](), 0
    for number, question in enumerate(questions):
        story.minute += number % 3
        story.ask(*(name("partition", part) for part in question), charge=charge)
        cost = -(-charge * len(set(question) - answered) // len(question))
        if paid + cost <= story.reserved:
            paid += cost
            answered |= set(question)
        else:
            refused += 1
    state = Replay({EVERYBODY: [number.to_bytes(16, "big") for number in range(SIZE)]}.get)
    verify_export(export_of(story.entries), LOG_VERIFIER, each=state.feed)
    found = state.result()
    facts = found.labels[CONTRACT, "outcome"]
    assert found.faults == ()
    assert facts.exact
    assert (facts.tally, facts.lowest, facts.highest) == (paid, paid, paid)
    assert facts.refused["V201"] == refused
    assert facts.answered + facts.replayed == len(questions) - refused
