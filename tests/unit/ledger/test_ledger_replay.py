"""What a replay recomputes, and every rule that it enforces, broken once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.errors import LedgerError
from jalousie.ledger.entry import Answered, Entry, Erased, QuestionAsked, Refused, decode_entry, encode_entry
from jalousie.ledger.replay import Replay, Replayed
from ledger_story import CONTRACT, EVERYBODY, POPULATION, RESERVED, SIZE, WITNESS_KEY, Story, honest, name


def replay(entries: Iterable[Entry], records: Callable[[str], Iterable[bytes] | None] | None = None) -> Replayed:
    state = Replay(records)
    for index, entry in enumerate(entries):
        state.feed(index, entry)
    return state.result()


def begun() -> Story:
    story = Story()
    story.register()
    story.population()
    return story


def change(story: Story, index: int, **changes: object) -> None:
    story.entries[index] = msgspec.structs.replace(story.entries[index], **changes)


def test_an_honest_ledger_replays() -> None:
    story = honest()
    found = replay(story.entries)
    assert found.faults == ()
    facts = found.labels[CONTRACT, "outcome"]
    assert (facts.reserved, facts.lowest, facts.highest, facts.tally) == (RESERVED, 950, 950, 950)
    assert (facts.answered, facts.replayed, dict(facts.refused)) == (9, 1, {"V201": 1, "V204": 1})
    assert found.reserved == {"outcome": RESERVED}
    assert len(found.unfinished) == 1
    assert not facts.exact
    found.require()


def test_another_master_key_is_noticed() -> None:
    story = Story()
    keys = ("", name("key", 1), "", name("key", 1), name("key", 2))
    for number, key in enumerate(keys):
        change(story, story.register(name("contract", number), 10 * RESERVED), master_key=key)
    assert [(fault.index, "master key" in fault.message) for fault in replay(story.entries).faults] == [(4, True)]


def test_an_entry_from_before_the_master_key_was_named_reads_as_it_was_written() -> None:
    story = begun()
    data = encode_entry(story.entries[0])
    assert b"master_key" not in data
    assert decode_entry(data) == story.entries[0]
    change(story, 0, master_key=name("key", 1))
    assert decode_entry(encode_entry(story.entries[0])) == story.entries[0]
    with pytest.raises(LedgerError):
        decode_entry(data.replace(b'"minute"', b'"master_key":"","minute"'))


def test_with_pseudonyms_the_tallies_are_exact() -> None:
    """Two sets that overlap: the largest tally is that of the records in both."""
    people = [number.to_bytes(16, "big") for number in range(60)]
    sets = {name("asked", 1): people[:31], name("asked", 2): people[29:]}
    story = begun()
    for number, offered in ((1, 300), (2, 200)):
        second = story.question((name("p", number),), offered, asked=name("asked", number), records=31, groups=1)
        story.answer(second)
    change(story, second, tally=500)
    found = replay(story.entries, sets.get)
    assert found.faults == ()
    assert found.labels[CONTRACT, "outcome"].exact
    change(story, second, tally=200)
    assert not replay(story.entries).faults, "without pseudonyms 200 is possible"
    assert [fault.index for fault in replay(story.entries, sets.get).faults] == [second]


def test_a_replay_is_free_past_the_budget() -> None:
    story = begun()
    for number in range(10):
        story.ask(name("p", number))
    story.ask(name("p", 99))  # refused
    story.ask(name("p", 0))
    found = replay(story.entries)
    assert found.faults == ()
    assert found.labels[CONTRACT, "outcome"].replayed == 1


def test_a_question_after_a_crash_is_charged_again() -> None:
    story = begun()
    story.question((name("p", 1),))
    story.ask(name("p", 1))
    found = replay(story.entries)
    assert found.faults == ()
    assert found.labels[CONTRACT, "outcome"].tally == 200


def registered_twice(story: Story) -> int:
    return story.register()


def passes_lifetime(story: Story) -> int:
    return story.register(name("another contract"), lifetime=RESERVED + 1)


def passes_the_lowest_lifetime(story: Story) -> int:
    """What the first contract promised is not loosened by what the second one says."""
    return story.register(name("another contract"), lifetime=10 * RESERVED)


def charges_too_little(story: Story) -> int:
    index = story.question((name("p"),), 100)
    change(story, index, charge=1, spent=1, tally=1)
    return index


def understates_the_offer(story: Story) -> int:
    index = story.question((name("p"),), 100)
    change(story, index, offered=1, charge=1, spent=1, tally=1)
    return index


def asks_more_than_there_are(story: Story) -> int:
    index = story.question((name("p"),))
    change(story, index, records=3 * SIZE)
    return index


def has_groups_that_do_not_fit(story: Story) -> int:
    return story.question((name("p"),), groups=100, smallest=SIZE)


def resizes_a_set(story: Story) -> int:
    story.ask(name("p", 1))
    return story.question((name("p", 2),), records=SIZE - 1)


def has_two_sets_of_everybody(story: Story) -> int:
    story.ask(name("p", 1))
    index = story.question((name("p", 2),), asked=name("everybody else"))
    change(story, index, tally=200)
    return index


def resizes_a_population(story: Story) -> int:
    index = story.population()
    change(story, index, size=30)
    return index


def charges_nobody(story: Story) -> int:
    index = story.question((name("p"),))
    change(story, index, partitions=())
    return index


def forgets_who_was_asked(story: Story) -> int:
    story.ask(name("p", 1))
    index = story.question((name("p", 2),))
    change(story, index, before=SIZE - 1)
    return index


def invents_who_was_asked(story: Story) -> int:
    index = story.question((name("p"),))
    change(story, index, before=1)
    return index


def invents_an_earlier_set(story: Story) -> int:
    index = story.question((name("p"),))
    change(story, index, nearest=0)
    return index


def hides_what_must_overlap(story: Story) -> int:
    """Two sets of 90 % share 80 % at least, whoever is in them."""
    story.answer(story.question((name("p", 1),), asked=name("a"), records=SIZE * 9 // 10))
    return story.question((name("p", 2),), asked=name("b"), records=SIZE * 9 // 10)


def unregistered(story: Story) -> int:
    change(story, 1, contract=name("another contract"))
    return 1


def erased(story: Story) -> int:
    story.add(Erased(minute=story.at(), contract=CONTRACT, what="contract"))
    return story.population()


def erases_nothing(story: Story) -> int:
    return story.add(
        Erased(minute=story.at(), contract=CONTRACT, what="population", population=name("another population"))
    )


def spends_more_than_offered(story: Story) -> int:
    index = story.question((name("p"),), 300)
    change(story, index, offered=200)
    return index


def spends_other_than_charge(story: Story) -> int:
    index = story.question((name("p"),), 300)
    change(story, index, charge=200)
    return index


def spends_for_unknown_label(story: Story) -> int:
    return story.question((name("p"),), label="income")


def spends_for_unknown_population(story: Story) -> int:
    return story.question((name("p"),), population=name("another population"))


def charges_again(story: Story) -> int:
    story.ask(name("p"))
    index = story.question((name("p"),))
    change(story, index, charge=100, spent=100, tally=200)
    return index


def takes_answered_for_new(story: Story) -> int:
    story.ask(name("p"))
    index = story.question((name("p"),))
    part = story.entries[index].partitions[0]  # type: ignore[union-attr]
    change(story, index, partitions=(msgspec.structs.replace(part, new=True),))
    return index


def takes_new_for_answered(story: Story) -> int:
    index = story.question((name("p"),))
    part = story.entries[index].partitions[0]  # type: ignore[union-attr]
    change(story, index, partitions=(msgspec.structs.replace(part, new=False),))
    return index


def forgets_a_spend(story: Story) -> int:
    story.ask(name("p", 1))
    index = story.question((name("p", 2),))
    change(story, index, tally=100)
    return index


def invents_a_spend(story: Story) -> int:
    index = story.question((name("p"),))
    change(story, index, tally=300)
    return index


def passes_reservation(story: Story) -> int:
    return story.question((name("p"),), RESERVED + 1)


def answers_without_spend(story: Story) -> int:
    return story.answer(story.question((name("p"),), spend=False))


def answers_twice(story: Story) -> int:
    index = story.question((name("p"),))
    story.answer(index)
    return story.answer(index)


def answers_nothing(story: Story) -> int:
    return story.add(
        Answered(minute=story.at(), contract=CONTRACT, index=0, answer=name("answer"), partitions=(name("noisy"),))
    )


def answers_fewer(story: Story) -> int:
    answer = story.answer(story.question((name("p", 1), name("p", 2))))
    change(story, answer, partitions=())
    return answer


def answers_with_fresh_noise(story: Story) -> int:
    story.ask(name("p"))
    answer = story.ask(name("p"))
    change(story, answer, partitions=(name("fresh noise"),))
    return answer


def answers_small_group(story: Story) -> int:
    return story.answer(story.question((name("p"),), smallest=24))


def answers_many_groups(story: Story) -> int:
    return story.answer(story.question((name("p"),), groups=101))


def answers_many_partitions(story: Story) -> int:
    return story.answer(story.question(tuple(name("p", number) for number in range(11))))


def answers_many_questions(story: Story) -> int:
    for number in range(50):
        story.ask(name("p", number), charge=1)
        story.minute += 1
    return story.ask(name("p", 50), charge=1)


def answers_too_fast(story: Story) -> int:
    return [story.ask(name("p", number), charge=1) for number in range(21)][-1]


def refuses_what_was_charged(story: Story) -> int:
    return story.refuse(story.question((name("p"),), smallest=3), "V204")


def refusal(code: str) -> Callable[[Story], int]:
    def refuses_without_reason(story: Story) -> int:
        return story.refuse(story.question((name("p"),), spend=False), code)

    return refuses_without_reason


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (registered_twice, "second time"),
        (passes_lifetime, "lifetime"),
        (passes_the_lowest_lifetime, "lifetime"),
        (charges_too_little, "share of what was offered"),
        (understates_the_offer, "digest"),
        (asks_more_than_there_are, "sizes"),
        (has_groups_that_do_not_fit, "sizes"),
        (resizes_a_set, "another size"),
        (has_two_sets_of_everybody, "digest than before"),
        (resizes_a_population, "another size"),
        (charges_nobody, "no partition"),
        (forgets_who_was_asked, "asked about before"),
        (invents_who_was_asked, "asked about before"),
        (invents_an_earlier_set, "not asked about before"),
        (hides_what_must_overlap, "impossible"),
        (unregistered, "not registered"),
        (erased, "erased"),
        (erases_nothing, "not named"),
        (spends_more_than_offered, "offered"),
        (spends_other_than_charge, "something else than its charge"),
        (spends_for_unknown_label, "unknown label"),
        (spends_for_unknown_population, "unknown label or population"),
        (charges_again, "answered before"),
        (takes_answered_for_new, "for a new one"),
        (takes_new_for_answered, "for answered"),
        (forgets_a_spend, "impossible"),
        (invents_a_spend, "impossible"),
        (passes_reservation, "reserves"),
        (answers_without_spend, "never charged"),
        (answers_twice, "second one"),
        (answers_nothing, "no question"),
        (answers_fewer, "another number"),
        (answers_with_fresh_noise, "other noise"),
        (answers_small_group, "V204"),
        (answers_many_groups, "V205"),
        (answers_many_partitions, "V205"),
        (answers_many_questions, "V203"),
        (answers_too_fast, "in a minute"),
        (refuses_what_was_charged, "charged"),
        *((refusal(code), code) for code in ("V201", "V202", "V203", "V204", "V205", "V206", "V208")),
    ],
)
def test_every_rule(breaks: Callable[[Story], int], says: str) -> None:
    story = begun()
    index = breaks(story)
    found = replay(story.entries)
    assert index in {fault.index for fault in found.faults if says in fault.message}
    assert {fault.index for fault in found.faults} == {index}, "nothing else is blamed"
    with pytest.raises(LedgerError) as caught:
        found.require()
    assert caught.value.code == "L710"
    assert f"entry {index}" in caught.value.message


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("V201", {"charge": RESERVED + 1}),
        ("V204", {"smallest": 24}),
        ("V205", {"groups": 101}),
        ("V206", {"population": name("another population")}),
        ("V208", {"label": "income"}),
    ],
)
def test_refusals_that_the_numbers_explain(code: str, changes: dict[str, object]) -> None:
    story = begun()
    story.refuse(story.question((name("p"),), spend=False, **changes), code)  # type: ignore[arg-type]
    assert replay(story.entries).faults == ()


def test_refusals_for_rate_and_number_are_explained() -> None:
    story = begun()
    for number in range(20):
        story.ask(name("p", number), charge=1)
    story.minute += 1  # the place's minute may begin anywhere
    story.refuse(story.question((name("p", 20),), spend=False), "V202")
    for number in range(20, 50):
        story.minute += 1
        story.ask(name("p", number), charge=1)
    story.refuse(story.question((name("p", 50),), spend=False), "V203")
    assert replay(story.entries).faults == ()


def test_refusals_for_other_reasons_are_counted() -> None:
    story = begun()
    story.refuse(story.question((name("p"),), spend=False), "V207")
    found = replay(story.entries)
    assert (found.faults, found.unexplained) == ((), 1)


def test_entries_hold_digests_and_numbers_only() -> None:
    """What an entry may hold is decided by type: digests, minutes, keys, codes, counts and names of the contract."""
    for entry in honest().entries:
        for key, value in msgspec.to_builtins(entry).items():
            if isinstance(value, str) and key not in ("entry", "minute", "label", "neighbours", "noise", "code"):
                assert value.startswith(("sha256:", "ed25519:")), key
    assert isinstance(honest().entries[2], QuestionAsked)
    assert isinstance(honest().entries[-1], Refused)
    assert WITNESS_KEY.public.text in str(honest().entries[0])
    assert EVERYBODY != POPULATION


def halves(story: Story, *, times: int, offered: int) -> None:
    """Sets of half of the records each: whether they overlap is not to be seen."""
    for number in range(times):
        story.answer(story.question((name("p", number),), offered, asked=name("half", number), records=SIZE // 2))


def test_what_cannot_be_known_is_undecided() -> None:
    story = begun()
    halves(story, times=2, offered=RESERVED)
    found = replay(story.entries)
    assert found.faults == ()
    assert found.undecided == ((CONTRACT, "outcome"),)
    facts = found.labels[CONTRACT, "outcome"]
    assert (facts.lowest, facts.highest, facts.exact) == (RESERVED, 2 * RESERVED, False)


def test_sums_within_the_reservation_are_decided_whatever_the_sets() -> None:
    story = begun()
    halves(story, times=2, offered=RESERVED // 2)
    found = replay(story.entries)
    assert (found.faults, found.undecided) == ((), ())


def test_members_decide() -> None:
    story = begun()
    halves(story, times=2, offered=RESERVED)
    people = [number.to_bytes(16, "big") for number in range(SIZE)]
    apart = {name("half", 0): people[: SIZE // 2], name("half", 1): people[SIZE // 2 :]}
    found = replay(story.entries, apart.get)
    assert (found.faults, found.undecided) == ((), ())
    one_in_both = apart | {name("half", 1): people[SIZE // 2 - 1 : -1]}
    assert {fault.index for fault in replay(story.entries, one_in_both.get).faults} == {4}


def test_what_no_arrangement_of_the_sets_keeps_is_a_fault() -> None:
    """Three halves have on average more than one set for each record."""
    story = begun()
    halves(story, times=3, offered=RESERVED)
    assert [fault.index for fault in replay(story.entries).faults] == [6]


@given(
    st.lists(st.tuples(st.sets(st.integers(0, 11), min_size=1), st.integers(1, 50), st.booleans()), max_size=12),
    st.booleans(),
)
def test_honest_ledgers_are_within_the_bounds(spends: list[tuple[set[int], int, bool]], known: bool) -> None:
    """Against tallies by record: an honest ledger has no fault, and the bounds hold the truth."""
    story, tallies = Story(reserved=10_000), dict.fromkeys(range(12), 0)
    story.register()
    change(story, story.population(), size=12)
    sets: dict[str, list[bytes]] = {}
    for number, (people, offered, hidden) in enumerate(spends):
        asked = name("set", sorted(people))
        if not hidden:
            sets[asked] = [bytes([person]) for person in sorted(people)]
        before = sum(tallies[person] > 0 for person in people)
        index = story.question((name("p", number),), offered, asked=asked, records=len(people), groups=1, smallest=1)
        for person in people:
            tallies[person] += offered
        change(story, index, tally=max(tallies[person] for person in people), before=before)
    found = replay(story.entries, sets.get if known else None)
    facts = found.labels[CONTRACT, "outcome"]
    assert found.faults == ()
    assert facts.lowest <= max(tallies.values()) == facts.tally <= facts.highest
    if known and all(name("set", sorted(people)) in sets for people, _, _ in spends):
        assert facts.lowest == facts.highest
