"""Architecture 1.A: the privacy module at the provider.

    table -> provider[ steps -> count -> search -> apply -> write -> verify ] -> release + card -> ML party

Composition only: `Sharing` puts the module (`jalousie.privacy`) into the place (`jalousie.places.provider`) and carries one
table through it. `protect` is the same in one call.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec
import numpy as np

from jalousie import __version__
from jalousie.contract import Contract, Loaded, Positions, digest, load_contract
from jalousie.contract.model import Column, Enrich, FileHierarchy
from jalousie.errors import ContractError, TableError
from jalousie.places.provider import Provider, Stopwatch
from jalousie.privacy.card import AttackFacts, Card
from jalousie.privacy.deidentify import Deidentified, Lent, Progress, deidentify
from jalousie.privacy.facts import checks, describe, enforce, require_measured, with_own_types
from jalousie.privacy.release import Release
from jalousie.privacy.search import Kernel
from jalousie.privacy.steps import StepContext, table_name
from jalousie.privacy.verify import check_rows, verify, written_classes
from jalousie.tables import (
    compile_hierarchy,
    count_groups,
    count_written,
    from_frame,
    read_table,
    write_frame,
)
from jalousie.tables.bundle import CARD, REPORT, SPACE
from jalousie.tables.engine import Engine, EngineOptions
from jalousie.tables.folder import digest_file
from jalousie.tables.raw import RawTable
from jalousie.tables.rows import distinct_values
from jalousie.tables.types import FrequencyTable, Hierarchy

SUFFIX = {"parquet": ".parquet", "csv": ".csv", "arrow": ".arrow"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What does not change a release but how it is made.

    kernel     `auto`, `native` or `numpy`
    engine     threads, memory limit and spill folder of the engine
    progress   called with a share in [0, 1] and a word
    """

    kernel: Kernel = "auto"
    engine: EngineOptions = field(default_factory=EngineOptions)
    progress: Progress | None = None


class Sharing:
    """One table on its way through the provider: prepared on construction, then measured, then published or returned.

    As a context manager it removes raw rows that were spilled to the disk as soon as something fails: else they stay as long as
    somebody holds the exception, whose traceback holds the engine.
    """

    def __init__(
        self,
        table: Any,
        contract: Loaded | Contract | str | Path,
        provider: Provider | None = None,
        settings: Settings = Settings(),
        *,
        learning: bool = False,
    ) -> None:
        """`table` is any data frame, or None for the file that the contract names; `learning` says that learning will be
        measured, so that a target that cannot be learned is refused before the work (U153).

        Raises the errors of reading (T), of the contract (C), of hierarchies (H) and of the search (P400); C103 for a
        contract about answers alone.
        """
        self.loaded = _loaded(contract)
        self.contract = self.loaded.contract
        _agreed(self.loaded)
        self.digest = digest(self.contract)
        self.provider = provider or Provider()
        self.settings = settings
        self._progress = None if settings.progress is None else _Journey(settings.progress)
        self.watch = Stopwatch(None if self._progress is None else self._progress.stage)
        self._inputs: dict[str, str] = {}
        with self.watch.stage("read"):
            raw = self._read(table)
        self._engine = raw.engine
        try:
            self._prepare(raw, learning)
        except BaseException:
            self._clear()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._clear()

    def _clear(self) -> None:
        if isinstance(self._engine, Engine):
            self._engine.close()

    def _prepare(self, raw: RawTable, learning: bool) -> None:
        if learning:
            with self.watch.stage("read"):
                self._check_target(raw)
        self.done: Deidentified = deidentify(raw, self.contract, self._lent())
        with self.watch.stage("measure"):
            self.card: Card = describe(
                self.done,
                self.contract,
                digest=self.digest,
                software=f"jalousie {__version__}",
                population=self.contract.release.population,
            )
            self.card = msgspec.structs.replace(self.card, inputs=self._inputs)

    # -- what the place lends the module

    def _read(self, table: Any) -> RawTable:
        if table is not None:
            return from_frame(table, options=self.settings.engine)
        return read_table(self.contract.table, self.contract.columns, self.loaded.folder, options=self.settings.engine)

    def _lent(self) -> Lent:
        joined = [(place, step) for place, step in enumerate(self.contract.steps) if isinstance(step, Enrich)]
        context = StepContext(
            contract=self.digest,
            key_for=self.provider.derived,
            tables={table_name(step): self._joined(step, f"steps.{place}.table") for place, step in joined},
            columns=self.contract.columns,
        )
        return Lent(context, self._compile, self.watch.stage, self._progress, self.settings.kernel)

    def _joined(self, step: Enrich, path: str) -> RawTable:
        """The other table of an enrich step: its key and the columns that the step names; others are not read."""
        columns = {step.key or step.on: self.contract.columns.get(step.on, Column(role="plain")), **step.columns}
        if step.table.sha256:  # else the digest would let anybody try what a private table holds
            self._inputs[f"table joined on {step.on}"] = f"sha256:{step.table.sha256}"
        try:
            return read_table(step.table, columns, self.loaded.folder, others="leave-out", options=self.settings.engine)
        except (TableError, ContractError) as error:  # which of the tables, and where the contract names it
            raise type(error)(
                error.code,
                f"step enrich, the table to join: {error.message}",
                hint=error.hint,
                where=self.loaded.positions.where(path),
                effect=error.effect,
            ) from None

    def _compile(self, name: str, column: Column, values: Sequence[str | None], counts: Any) -> Hierarchy:
        where = self.loaded.positions.where(f"columns.{name}.hierarchy")
        hierarchy = compile_hierarchy(name, column.hierarchy, values, counts.tolist(), self.loaded.folder, where)
        if isinstance(column.hierarchy, FileHierarchy):
            self._inputs[name] = digest_file(self.loaded.folder / column.hierarchy.file)
        return hierarchy

    def _check_target(self, raw: RawTable) -> None:
        """Too many classes are told now: counting them takes no time, learning them hours."""
        learning = self.contract.learning
        if learning is None or learning.task != "classification" or learning.target not in raw.columns:
            return
        from jalousie.learning.utility import check_classes

        check_classes(distinct_values(raw, learning.target), learning.target)

    # -- measures beside the release

    def measure_learning(self) -> None:
        """Train on the release, test on held-out raw rows (the contract's `learning`); the figures go onto the card."""
        learning = self.contract.learning
        if learning is None:
            return
        from jalousie.architectures.measure import learning_facts

        with self.watch.stage("learning"):
            facts = learning_facts(self.done, learning, self.spaces())
        self.card = msgspec.structs.replace(self.card, learning=facts)

    def add_attacks(self, attacks: Sequence[AttackFacts]) -> None:
        """Put the results of attacks onto the card (the command line runs them: a provider's place knows no adversary)."""
        self.card = msgspec.structs.replace(self.card, attacks=tuple(attacks))

    def spaces(self) -> tuple[Any, ...]:
        """What the generalised cells stand for. Imported late: the encoder's room is not needed to write a release."""
        from jalousie.learning.describe import describe_spaces

        searched = self.done.searched
        if searched is None:
            return ()
        recoding, released = searched.recoding, {}
        for name, codes, labels in zip(searched.table.names, recoding.codes, recoding.labels, strict=True):
            used = np.bincount(codes[~recoding.suppressed], minlength=len(labels))
            released[name] = [label for label, rows in zip(labels, used.tolist(), strict=True) if rows]
        return describe_spaces(self.done.columns, searched.hierarchies, released)

    # -- out

    def verify(self, written: FrequencyTable | None, rows: int) -> None:
        """Ask every model again of what was written, and put the answers and all verdicts onto the card.

        Raises
        ------
        ReleaseError
            R530 to R532 if what was written is not what was decided
        PrivacyError
            P431 if the contract enforces a limit that is missed, P432 if one of which there is no figure
        """
        done = self.done
        check_rows(done.released.rows, 0, rows)
        if done.searched is not None and written is not None:
            classes = written_classes(written, done.searched.table)
            self.card = msgspec.structs.replace(self.card, models=verify(done.searched.models, classes))
        require_measured(self.card, self.contract.limits)
        found = checks(self.card, self.contract.limits)
        enforce(found)
        self.card = msgspec.structs.replace(self.card, checks=found, created=self.provider.now())

    def release(self) -> Release:
        """The release as a data frame of the caller's kind, verified."""
        from jalousie.tables import to_frame  # a release as a file does not need it

        with self.watch.stage("write"):
            table = to_frame(self.done.released, order=self.contract.release.order)
        with self.watch.stage("verify"):
            names, sensitive = self.verified_columns()
            again = from_frame(table, options=self.settings.engine)
            self.verify(count_groups(again, names, sensitive) if names else None, again.rows)
        self._finish("")
        return Release(table, self.card, msgspec.json.encode(self.spaces()), self.done.released.kind)

    def publish(self, target: Path, *, replace: bool = False, report: bool = True) -> Card:
        """Write the release folder: table, card, what its cells stand for, report. All of it or nothing."""
        with self.provider.outbox(target, replace=replace) as folder:
            self._write_into(folder, report)
        return self.card

    def rehearse(self) -> Card:
        """All figures, verified on rows that are written into the engine's own temporary folder and thrown away."""
        spill = getattr(self.done.released.engine, "spill_folder", None)
        with tempfile.TemporaryDirectory(prefix="jalousie-", dir=spill) as folder:
            self._write_into(Path(folder), report=False)
        return self.card

    def _write_into(self, folder: Path, report: bool) -> None:
        form = self.contract.release
        path = folder / f"table{SUFFIX[form.format]}"
        with self.watch.stage("write"):
            written = write_frame(self.done.released, path, format=form.format, csv=form.csv, order=form.order)
        with self.watch.stage("verify"):
            engine = self.done.released.engine
            lent = engine if isinstance(engine, Engine) else None  # opening a second one costs as much as the counting
            self.verify(self.counted(path, lent), written.rows)
        self.card = msgspec.structs.replace(
            self.card,
            data_file=path.name,
            data_digest=digest_file(path),
            data_format=form.format,
            csv=form.csv if form.format == "csv" else None,
        )
        self._finish(form.format)
        from jalousie.report import card_json

        (folder / SPACE).write_bytes(msgspec.json.encode(self.spaces()) + b"\n")
        if report:
            from jalousie.report import render_html

            with self.watch.stage("report"):
                (folder / REPORT).write_text(render_html(self.card), encoding="utf-8")
        files = {name: digest_file(folder / name) for name in (SPACE, REPORT) if name == SPACE or report}
        self.card = msgspec.structs.replace(self.card, files=files)
        (folder / CARD).write_bytes(card_json(self.card))

    def counted(self, path: Path, engine: Engine | None = None) -> FrequencyTable:
        """The classes of a table file of this release."""
        names, sensitive = self.verified_columns()
        form, schema = self.contract.release, self.done.released.schema
        return count_written(path, names, sensitive, format=form.format, csv=form.csv, schema=schema, engine=engine)

    def verified_columns(self) -> tuple[list[str], list[str]]:
        """Quasi-identifiers, and the sensitive columns that models speak of, as they are in what was written."""
        if self.done.searched is None:
            return [], []
        modelled = {model.column for model in self.done.searched.models if model.column}
        return list(self.done.searched.table.names), [n for n in self.done.released.schema if n in modelled]

    def _finish(self, form: str) -> None:
        self.card = with_own_types(self.card, self.done.released, form)
        self.card = msgspec.structs.replace(self.card, seconds=dict(self.watch.seconds))


def protect(
    table: Any,
    contract: Loaded | Contract | str | Path,
    *,
    provider: Provider | None = None,
    settings: Settings = Settings(),
    learning: bool = False,
) -> Release:
    """De-identify a data frame as a contract says.

    Parameters
    ----------
    table
        pandas, Polars, PyArrow or DuckDB; None reads the file that the contract names
    contract
        a `Contract`, what `load_contract` gave, or the path of a contract file
    learning
        also measure what the release is worth to a learner, if the contract has a `learning` part (takes seconds); done in
        any case where the contract enforces `learning-share`

    Returns
    -------
    Release
        rows in the caller's kind of data frame (`to_native()`), and the card

    Raises
    ------
    JalousieError
        C (contract), T (table), H (hierarchies), P (nothing satisfies the contract), R (verification); nothing is released then
    """
    loaded = _loaded(contract)
    # a limit that is enforced is measured, asked for or not
    learning = learning or "learning-share" in loaded.contract.limits.enforce
    with Sharing(table, loaded, provider, settings, learning=learning) as sharing:
        if learning:
            sharing.measure_learning()
        return sharing.release()


def _loaded(contract: Loaded | Contract | str | Path) -> Loaded:
    if isinstance(contract, Loaded):
        return contract
    if isinstance(contract, Contract):
        return Loaded(contract, Path(), Positions())
    if isinstance(contract, str | Path):
        return load_contract(Path(contract))
    raise TableError("T211", "the contract is neither a Contract nor the path of one", hint="protect(table, contract)")


def _agreed(loaded: Loaded) -> None:
    """A contract about answers alone agrees on no release: its labels would leave as they are."""
    contract = loaded.contract
    if contract.feedback is not None and contract.privacy is None and not contract.steps:
        raise ContractError(
            "C103",
            "the contract is about answers alone; no release was agreed on",
            hint="add `privacy:` (or `steps:`), or serve it: `jalousie serve provider`",
            where=loaded.positions.where("feedback"),
        )


class _Journey:
    """One bar for the whole way: where each stage begins, roughly, as a share of the time. It never goes back."""

    STAGES: ClassVar[tuple[tuple[str, float], ...]] = (
        *(("read", 0.0), ("steps", 0.1), ("count", 0.15), ("hierarchies", 0.2), ("search", 0.25), ("apply", 0.6)),
        *(("measure", 0.65), ("attacks", 0.7), ("learning", 0.75), ("write", 0.85), ("verify", 0.9), ("report", 0.95)),
    )

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._begins = dict(self.STAGES)
        self._done = 0.0

    def stage(self, name: str) -> None:
        self._show(self._begins.get(name, 0.0), name)

    def __call__(self, done: float, text: str) -> None:
        """Within the search, the one stage that knows its own share."""
        begin, end = self._begins["search"], self._begins["apply"]
        self._show(begin + (end - begin) * done, text)

    def _show(self, done: float, text: str) -> None:
        self._done = max(self._done, done)
        self._progress(self._done, text)
