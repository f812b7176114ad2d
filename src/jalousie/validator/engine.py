"""The order of work on a question. It is fixed, so that a crash can waste budget and never give any back:

1. canonicalise and digest   the same question is the same digest, however it is written down
2. memo                      partitions that were answered before are free
3. public checks             the monitor decides, from public facts alone
4. durable spend             before any label is touched
5. compute                   exact counts, and noise for all new partitions in one call
6. store                     before anything leaves: an answer that was sent can always be sent again
7. send                      on the contract's time grid (`departure`), by whoever called

Pure, given the store. Whoever calls provides the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor

from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.validator.answer import assemble, draw, exact_cells
from jalousie.validator.budget import ZERO, Account, Budget, Rho, account, budget_of
from jalousie.validator.canonical import (
    CanonicalPartition,
    KnownPopulation,
    Mask,
    canonical_partition,
    check_partition,
    question_digest,
    union,
)
from jalousie.validator.match import Aligned
from jalousie.validator.monitor import Allow, PartitionFacts, QuestionFacts, Refuse, decide
from jalousie.validator.noise import Noise, noise_for
from jalousie.validator.sensitivity import Sensitivity, sensitivity
from jalousie.validator.statistic import check_statistic
from jalousie.validator.store import Store, Stored
from jalousie.validator.types import Answer, Question

_NOTHING = "nothing was answered, no budget was spent"
_TOO_WIDE = Refuse(
    "V209",
    "so little budget was offered that the noise would not fit into 64 bits",
    "offer more, ask about fewer partitions, or agree on a larger `unit`",
)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """A contract's feedback and the account that it opens for each label."""

    feedback: Feedback
    account: Account

    @classmethod
    def of(cls, feedback: Feedback) -> Terms:
        """
        Raises
        ------
        ValidatorError
            V210 an epsilon too small for anything, V212 a label without classes or bounds
        """
        for label in feedback.labels.values():
            sensitivity(label, feedback)
        return cls(feedback, account(feedback))


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A question after step 1, which needs no store."""

    question: Question
    known: KnownPopulation | None
    """The population that it names, or None where it was never handed over."""
    forms: tuple[CanonicalPartition, ...] = ()
    moved: tuple[Sensitivity, ...] = ()
    """Of each partition."""
    malformed: ValidatorError | None = None
    """Why it has no canonical form; it is refused, and recorded, when it is its turn."""

    @property
    def partitions(self) -> list[str]:
        """The digests of its partitions, each once."""
        return list(dict.fromkeys(form.digest for form in self.forms))


@dataclass(frozen=True, slots=True, eq=False)
class Reserved:
    """A question after step 4: it is allowed and its spend is written, and no label was touched."""

    question: Question
    facts: QuestionFacts
    forms: Sequence[CanonicalPartition]
    stored: Mapping[str, Stored]
    number: int
    """Names it in the store."""
    noises: Mapping[str, Noise]
    """Of each new partition, by digest, in the order in which they are asked."""


def answer_question(
    question: Question,
    known: KnownPopulation | None,
    labels: Mapping[str, Aligned],
    *,
    terms: Terms,
    store: Store,
    moment: float,
) -> Answer:
    """Answer or refuse a question, for a store whose spends last as soon as they are made. Steps 1 to 6 of the order of work.

    Parameters
    ----------
    known
        the population that the question names, or None where it was never handed over
    labels
        the provider's labels aligned to that population; looked at after the spend alone
    moment
        seconds, for the rate; any clock that does not go back

    Raises
    ------
    ValidatorError
        V201 to V209: refused, recorded, nothing spent
    """
    return compute(reserve(prepare(question, known, terms), terms, store, moment), labels, terms, store)


def prepare(question: Question, known: KnownPopulation | None, terms: Terms) -> Prepared:
    """Step 1, of a question that may be refused for its form later."""
    if known is None or question.label not in terms.feedback.labels:
        return Prepared(question, known)
    label, feedback = terms.feedback.labels[question.label], terms.feedback
    try:
        if not question.partitions:
            raise ValidatorError("V207", "the question has no partition", effect=_NOTHING)
        for number, partition in enumerate(question.partitions):
            check_partition(partition, known.size, number)
            check_statistic(partition, label, feedback, number)
    except ValidatorError as error:
        return Prepared(question, known, malformed=error)
    forms = tuple(canonical_partition(known, partition) for partition in question.partitions)
    return Prepared(question, known, forms, tuple(sensitivity(label, feedback, part) for part in question.partitions))


def reserve(prepared: Prepared, terms: Terms, store: Store, moment: float) -> Reserved:
    """Steps 2 to 4. Nobody else may spend meanwhile, and `compute` must wait until the spend lasts.

    Raises
    ------
    ValidatorError
        V201 to V209: refused; it is recorded, nothing was spent
    """
    if prepared.malformed is not None:
        # the record has no partitions, since these have no digest
        store.refuse(_bare(prepared), prepared.malformed.code, moment)
        raise prepared.malformed
    facts, stored, charged = _examine(prepared, terms, store)
    decision = decide(terms.feedback, terms.account, store.history(moment), facts)
    noises: Mapping[str, Noise] = {}
    if isinstance(decision, Allow) and facts.new:
        noises = _noises(prepared, facts, terms)
        if not all(noise.fits for noise in noises.values()):
            decision = _TOO_WIDE
    if isinstance(decision, Refuse):
        store.refuse(facts, decision.code, moment)
        raise ValidatorError(decision.code, decision.message, hint=decision.hint, effect=_NOTHING)
    assert prepared.known is not None
    number = store.spend(facts, prepared.known, charged, moment)
    return Reserved(prepared.question, facts, prepared.forms, stored, number, noises)


def compute(reserved: Reserved, labels: Mapping[str, Aligned], terms: Terms, store: Store) -> Answer:
    """Steps 5 and 6, for a question whose spend lasts."""
    return complete(reserved, lambda: _compute(reserved, labels[reserved.question.label], terms), terms, store)


def complete(reserved: Reserved, computed: Callable[[], Mapping[str, Stored]], terms: Terms, store: Store) -> Answer:
    """As `compute`, with another step 5: `computed` gives the noisy cells of the new partitions, by digest. It is called where
    there are any."""
    question, facts = reserved.question, reserved.facts
    stored = dict(reserved.stored)
    if facts.new:
        fresh = dict(computed())
        store.keep(reserved.number, question.label, fresh)
        stored.update(fresh)
    return assemble(
        question,
        facts.question,
        reserved.forms,
        [stored[form.digest] for form in reserved.forms],
        label=terms.feedback.labels[question.label],
        feedback=terms.feedback,
        account=terms.account,
        spent=facts.charge,
        left=terms.account.reserved - facts.tally - facts.charge,
    )


def budget(label: str, terms: Terms, store: Store, moment: float) -> Budget:
    """The state of a label's budget, for the record asked about most.

    Raises
    ------
    ValidatorError
        V208
    """
    if label not in terms.feedback.labels:
        raise ValidatorError("V208", "the contract has no such label", effect="")
    charged = store.history(moment).charged
    return budget_of(label, terms.account, store.largest(label), charged, terms.feedback.max_questions)


def departure(moment: float, grid: float) -> float:
    """When an answer that is ready at `moment` leaves: the next multiple of `grid` seconds, so that time tells nothing."""
    return moment if grid <= 0 else (floor(moment / grid) + 1) * grid


def _examine(prepared: Prepared, terms: Terms, store: Store) -> tuple[QuestionFacts, Mapping[str, Stored], Mask | None]:
    """Step 2: the question's public facts, the partitions that were answered before, and the records that the others ask
    about (None: all)."""
    question, known, forms = prepared.question, prepared.known, prepared.forms
    if known is None or not forms:
        return _bare(prepared, terms), {}, None
    digests = prepared.partitions
    stored = store.stored(question.label, digests)
    new = [form for form in forms if form.digest not in stored]
    charged = union(form.asked for form in new or forms)
    standing = store.standing(question.label, known, charged)
    offered = Rho.nearest(question.rho)
    missing = len(digests) - len(stored)
    facts = QuestionFacts(
        question=question_digest(question, forms, offered.nano),
        population=known.digest,
        label=question.label,
        asked=known.asked_digest(charged),
        records=known.size if charged is None else int(charged.sum()),
        partitions=tuple(
            PartitionFacts(
                form.digest, len(form.sizes), int(form.sizes.min()), form.digest not in stored, form.statistic
            )
            for form in forms
        ),
        offered=offered,
        charge=offered.share(missing, len(digests)),
        tally=standing.largest,
        before=standing.before,
        nearest=standing.nearest,
    )
    return facts, stored, charged


def _noises(prepared: Prepared, facts: QuestionFacts, terms: Terms) -> dict[str, Noise]:
    """Of the new partitions, by digest: each as if all of them had its sensitivity. Then each costs its equal share of the
    charge, and together they cost the charge."""
    fresh = {part.digest for part in facts.partitions if part.new}
    moved = {form.digest: one for form, one in zip(prepared.forms, prepared.moved, strict=True) if form.digest in fresh}
    return {
        digest: noise_for(terms.account, one.of_partitions(len(moved)), facts.charge) for digest, one in moved.items()
    }


def _compute(reserved: Reserved, aligned: Aligned, terms: Terms) -> dict[str, Stored]:
    """Step 5: the only function that sees labels."""
    feedback, question = terms.feedback, reserved.question
    label = feedback.labels[question.label]
    exact = {
        form.digest: exact_cells(partition, form, aligned, label, feedback)
        for partition, form in zip(question.partitions, reserved.forms, strict=True)
        if form.digest not in reserved.stored
    }
    noises = [reserved.noises[digest] for digest in exact]
    drawn = draw(list(exact.values()), noises, public_totals=feedback.neighbours == "change-label")
    return dict(zip(exact, drawn, strict=True))


def unread() -> QuestionFacts:
    """Facts of a question whose bytes are not of their form."""
    return QuestionFacts("", "", "", "", 0, (), ZERO, ZERO, ZERO, None, None, known_population=False, known_label=False)


def _bare(prepared: Prepared, terms: Terms | None = None) -> QuestionFacts:
    """Facts of a question that cannot be canonicalised. A label that the contract lacks is a party's own text: it is not kept."""
    question = prepared.question
    known_label = terms is None or question.label in terms.feedback.labels
    return QuestionFacts(
        question="",
        population=question.population,
        label=question.label if known_label else "",
        asked="",
        records=0,
        partitions=(),
        offered=Rho.nearest(question.rho),
        charge=ZERO,
        tally=ZERO,
        before=None,
        known_population=prepared.known is not None,
        known_label=known_label,
    )
