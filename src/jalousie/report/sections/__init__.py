"""The chapters of the report, in the order in which they are read."""

from __future__ import annotations

from jalousie.privacy.card import Card
from jalousie.report.parts import Section, Story, Tile
from jalousie.report.sections.making import not_shown, origin, search, steps, times
from jalousie.report.sections.outcome import models, overall, released, summary, verdicts
from jalousie.report.sections.risk import attacks, gives_away, singled_out
from jalousie.report.sections.utility import detail, learning
from jalousie.report.words import clean, date, one_in, percent

_CHAPTERS = (
    verdicts,
    released,
    models,
    singled_out,
    gives_away,
    attacks,
    detail,
    learning,
    search,
    steps,
    times,
    not_shown,
    origin,
)


def tell(card: Card) -> Story:
    """Put a card into words. Parts that were not measured give no chapter, except where their absence must be said."""
    sections: list[Section] = [section for chapter in _CHAPTERS if (section := chapter(card)) is not None]
    parties = clean(card.contract.provider) + (f" → {clean(card.contract.ml_party)}" if card.contract.ml_party else "")
    return Story(
        name=clean(card.contract.name),
        verdict=overall(card),
        headline=summary(card),
        parties=parties,
        dated=date(card.created),
        software=clean(card.software),
        sections=tuple(sections),
        tiles=_tiles(card),
    )


def _tiles(card: Card) -> tuple[Tile, ...]:
    tiles = []
    if card.rows_in:
        tiles.append(Tile(percent(card.rows_out / card.rows_in), "of the rows are released"))
    if card.risk_after is not None:
        tiles.append(
            Tile(one_in(card.risk_after.highest_prosecutor), "is the chance to pick out the person easiest to find")
        )
    if card.disclosure_after:
        worst_column = max(card.disclosure_after, key=lambda facts: facts.certain_share)
        tiles.append(
            Tile(
                percent(worst_column.certain_share),
                f"of the rows give away {clean(worst_column.column)} with certainty",
            )
        )
    if card.quality is not None:
        tiles.append(Tile(percent(card.quality.granularity), "of the detail is left"))
    if card.learning is not None and card.learning.learners:
        best = max(card.learning.learners, key=lambda learner: learner.raw)
        if best.kept is not None:
            tiles.append(
                Tile(percent(best.kept), f"of what can be learned about {clean(card.learning.target)} is left")
            )
    return tuple(tiles)
