"""A provider, or whoever holds the exported file, tries to rewrite what left: truncate, edit, reorder, fork, back-date.

Each attack is carried out on an honest ledger. With the verification off (the file is only read) it passes; with it on, the
first bad entry is named. The strong attacker holds the ledger's signing key, so checkpoints of others are all that can
convict it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from jalousie.errors import LedgerError
from jalousie.ledger.checkpoint import cosign_checkpoint
from jalousie.ledger.entry import Entry, QuestionAsked, encode_entry
from jalousie.ledger.replay import Replay
from jalousie.ledger.verify import read_export, verify_export
from jalousie.wire.canonical import canonical
from ledger_story import (
    CONTRACT,
    LOG_KEY,
    LOG_VERIFIER,
    RESERVED,
    SIZE,
    WITNESS,
    WITNESS_KEY,
    Story,
    export_of,
    honest,
    log_of,
    name,
)

VICTIM = 6  # a question of the honest ledger
Lines = list[bytes]


def edited(entry: Entry) -> Entry:
    """The question was cheaper than it was."""
    assert isinstance(entry, QuestionAsked)
    return msgspec.structs.replace(entry, spent=1, charge=1, tally=1)


def edit(lines: Lines) -> Lines:
    line = msgspec.json.decode(lines[VICTIM + 1])
    entry = edited(honest().entries[VICTIM])
    line["entry"] = msgspec.json.decode(encode_entry(entry))
    return [*lines[: VICTIM + 1], canonical(line) + b"\n", *lines[VICTIM + 2 :]]


def edit_and_drop_proofs(lines: Lines) -> Lines:
    changed = [msgspec.json.decode(line) for line in edit(lines)]
    return [canonical({key: value for key, value in line.items() if key != "proof"}) + b"\n" for line in changed]


def truncate(lines: Lines) -> Lines:
    return lines[:-3]


def cut_out(lines: Lines) -> Lines:
    return [*lines[: VICTIM + 1], *lines[VICTIM + 2 :]]


def cut_out_and_renumber(lines: Lines) -> Lines:
    rest = [msgspec.json.decode(line) for line in cut_out(lines)]
    for index, line in enumerate(rest[1:]):
        line["index"] = index
    return [canonical(line) + b"\n" for line in rest]


def reorder(lines: Lines) -> Lines:
    return [*lines[: VICTIM + 1], lines[VICTIM + 2], lines[VICTIM + 1], *lines[VICTIM + 3 :]]


def reorder_and_renumber(lines: Lines) -> Lines:
    rest = [msgspec.json.decode(line) for line in reorder(lines)]
    for index, line in enumerate(rest[1:]):
        line["index"] = index
    return [canonical(line) + b"\n" for line in rest]


def append(lines: Lines) -> Lines:
    line = msgspec.json.decode(lines[-1])
    line["index"] += 1
    return [*lines, canonical(line) + b"\n"]


@pytest.mark.parametrize(
    ("attack", "code", "says"),
    [
        (edit, "L702", f"entry {VICTIM} "),
        (edit_and_drop_proofs, "L702", "one of the entries"),
        (truncate, "L703", f"entry {len(honest().entries) - 3} "),
        (cut_out, "L703", f"entry {VICTIM} "),
        (cut_out_and_renumber, "L702", f"entry {VICTIM} "),
        (reorder, "L703", f"entry {VICTIM} "),
        (reorder_and_renumber, "L702", f"entry {VICTIM} "),
        (append, "L704", f"entry {len(honest().entries)} "),
    ],
)
def test_an_exported_file_is_changed(attack: Callable[[Lines], Lines], code: str, says: str) -> None:
    lines = export_of(honest().entries)
    verify_export(lines, LOG_VERIFIER)
    forged = attack(lines)
    assert len(list(read_export(forged))) == len(forged) - 1, "off: the forged file reads like any other"
    with pytest.raises(LedgerError) as caught:
        verify_export(forged, LOG_VERIFIER)
    assert caught.value.code == code
    assert says in caught.value.message


def test_an_edit_is_bounded_by_checkpoints_where_proofs_were_dropped() -> None:
    entries = honest().entries
    notes = [log_of(entries[:size]).checkpoint(LOG_KEY) for size in (VICTIM - 1, VICTIM + 2)]
    with pytest.raises(LedgerError) as caught:
        verify_export(edit_and_drop_proofs(export_of(entries)), LOG_VERIFIER, checkpoints=notes)
    assert caught.value.code == "L705"
    assert f"entries {VICTIM - 1} to {VICTIM + 1}" in caught.value.message


def rewritten() -> list[Entry]:
    entries = honest().entries
    return [*entries[:VICTIM], edited(entries[VICTIM]), *entries[VICTIM + 1 :]]


def test_the_provider_forks_its_ledger() -> None:
    """It signs two histories of one length. Each verifies alone; whoever holds both checkpoints sees the fork."""
    forged = export_of(rewritten())
    verify_export(forged, LOG_VERIFIER)  # off: nobody kept the other checkpoint
    kept = log_of(honest().entries).checkpoint(LOG_KEY)
    with pytest.raises(LedgerError) as caught:
        verify_export(forged, LOG_VERIFIER, checkpoints=[kept])
    assert caught.value.code == "L705"
    assert "two checkpoints" in caught.value.message


def test_the_provider_rewrites_what_an_older_checkpoint_covers() -> None:
    forged = export_of(rewritten())
    verify_export(forged, LOG_VERIFIER)
    kept = log_of(honest().entries[: VICTIM + 1]).checkpoint(LOG_KEY)
    with pytest.raises(LedgerError) as caught:
        verify_export(forged, LOG_VERIFIER, checkpoints=[kept])
    assert caught.value.code == "L705"


def test_the_provider_shows_an_old_ledger() -> None:
    """It signs the truncated ledger afresh; a checkpoint of the longer one tells."""
    forged = export_of(honest().entries[:-3])
    verify_export(forged, LOG_VERIFIER)
    kept = log_of(honest().entries).checkpoint(LOG_KEY)
    with pytest.raises(LedgerError) as caught:
        verify_export(forged, LOG_VERIFIER, checkpoints=[kept])
    assert caught.value.code == "L703"
    assert f"entry {len(honest().entries) - 3} is missing" in caught.value.message


def test_the_provider_back_dates_an_entry() -> None:
    entries = honest().entries
    entries[VICTIM] = msgspec.structs.replace(entries[VICTIM], minute="2026-11-24T09:00Z")
    lines = export_of(entries)
    assert len(list(read_export(lines))) == len(entries)
    with pytest.raises(LedgerError) as caught:
        verify_export(lines, LOG_VERIFIER)
    assert caught.value.code == "L707"
    assert f"entry {VICTIM} " in caught.value.message


def test_the_provider_dates_entries_into_the_future() -> None:
    """To make room for later back-dating. Off: nobody cosigns. On: a witness saw them before they claim to be."""
    log = log_of(honest().entries)
    note = log.checkpoint(LOG_KEY)
    seen = 1_795_514_400  # 2026-11-24T10:00Z, the story's first minute
    cosigned = cosign_checkpoint(note, LOG_VERIFIER, name="ml.example", key=WITNESS_KEY, time=seen, seen=None)
    verify_export(log.export(cosigned), LOG_VERIFIER)
    with pytest.raises(LedgerError) as caught:
        verify_export(log.export(cosigned), LOG_VERIFIER, cosigners=[WITNESS])
    assert caught.value.code == "L707"


def test_somebody_else_signs() -> None:
    lines = export_of(honest().entries)
    lines[0] = lines[0].replace(b"provider.example", b"provider.example.org")
    assert list(read_export(lines))
    with pytest.raises(LedgerError) as caught:
        verify_export(lines, LOG_VERIFIER)
    assert caught.value.code == "L708"


def test_a_consistent_lie_is_found_by_replay() -> None:
    """The provider writes a lower spend from the start: the log verifies, but the later tallies no longer add up."""
    state = Replay()
    verify_export(export_of(rewritten()), LOG_VERIFIER, each=state.feed)
    found = state.result()
    assert found.faults
    assert found.faults[0].index == VICTIM
    with pytest.raises(LedgerError):
        found.require()


def test_an_answer_outside_the_ledger_is_convicted_by_its_proof() -> None:
    """The ML party holds an answer whose entry the provider left out: there is no proof of inclusion to show for it."""
    honest_log, hidden = log_of(honest().entries), log_of(honest().entries[:VICTIM])
    leaf = encode_entry(honest().entries[VICTIM])
    assert leaf not in [encode_entry(entry) for entry in hidden.entries()]
    assert honest_log.inclusion(VICTIM, honest_log.size)
    with pytest.raises(LedgerError) as caught:
        hidden.inclusion(VICTIM, hidden.size)
    assert caught.value.code == "L711"


def overspends(story: Story) -> None:
    """The same people again and again, but for one; each set charged the whole budget, each tally stated as within it."""
    for number in range(5):
        story.answer(
            story.question((name("p", number),), RESERVED, asked=name("all but", number), records=SIZE - 1, groups=10)
        )


def overspends_by_halves(story: Story) -> None:
    for number in range(3):
        story.answer(story.question((name("p", number),), RESERVED, asked=name("half", number), records=SIZE // 2))


def loosens_the_lifetime(story: Story) -> None:
    story.register(name("another contract"), lifetime=10 * RESERVED)


def charges_a_billionth(story: Story) -> None:
    for number in range(5):
        index = story.question((name("p", number),), RESERVED)
        story.entries[index] = msgspec.structs.replace(story.entries[index], charge=1, spent=1, tally=1 + number)
        story.answer(index)


def understates_the_offer(story: Story) -> None:
    index = story.question((name("p"),), RESERVED)
    story.entries[index] = msgspec.structs.replace(story.entries[index], offered=1, charge=1, spent=1, tally=1)
    story.answer(index)


def asks_more_people_than_there_are(story: Story) -> None:
    story.answer(story.question((name("p"),), records=3 * SIZE, groups=100, smallest=500))


@pytest.mark.parametrize(
    "lie",
    [
        overspends,
        overspends_by_halves,
        loosens_the_lifetime,
        charges_a_billionth,
        understates_the_offer,
        asks_more_people_than_there_are,
    ],
)
def test_the_provider_writes_a_ledger_that_hides_an_overspend(lie: Callable[[Story], None]) -> None:
    """Off: every signature and proof of the ledger verifies. On: replayed, the numbers cannot all be true."""
    story = Story()
    story.register()
    story.population()
    lie(story)
    state = Replay()
    verify_export(export_of(story.entries), LOG_VERIFIER, each=state.feed)
    with pytest.raises(LedgerError) as caught:
        state.result().require()
    assert caught.value.code == "L710"


def test_an_overspend_that_cannot_be_seen_is_never_called_fine() -> None:
    """Two halves may be the same people. The numbers alone do not tell, and a replay says so; members tell."""
    story = Story()
    story.register()
    story.population()
    for number in range(2):
        story.answer(story.question((name("p", number),), RESERVED, asked=name("half", number), records=SIZE // 2))
    state = Replay()
    verify_export(export_of(story.entries), LOG_VERIFIER, each=state.feed)
    assert state.result().undecided == ((CONTRACT, "outcome"),)
    people = [number.to_bytes(16, "big") for number in range(SIZE // 2)]
    state = Replay({name("half", number): people for number in range(2)}.get)
    verify_export(export_of(story.entries), LOG_VERIFIER, each=state.feed)
    with pytest.raises(LedgerError):
        state.result().require()
