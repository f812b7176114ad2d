"""Does the contract make sense? Names that exist, models that can hold, steps in an order that keeps the promise."""

from __future__ import annotations

from collections.abc import Iterable

from jalousie.contract import model
from jalousie.contract.asked import feedback_faults
from jalousie.contract.dialect import dialect_faults
from jalousie.contract.model import Column, Contract, Step
from jalousie.contract.party_keys import key_faults
from jalousie.contract.positions import Positions
from jalousie.contract.specs import spec_faults, spec_levels
from jalousie.errors import ContractError, did_you_mean

_ORDERED_TYPES = ("integer", "decimal", "date", "datetime")
_LIMITS = tuple(name for name in model.Limits.__struct_encode_fields__ if name != "enforce")


def columns_at_generalise(contract: Contract) -> dict[str, Column]:
    """The columns that the table has when the `privacy` part is carried out, in order: enriched added, dropped gone."""
    columns = dict(contract.columns)
    for step in contract.steps:
        if isinstance(step, model.Generalise):
            break
        _follow(step, columns)
    return columns


def quasi_identifiers(contract: Contract) -> dict[str, Column]:
    """Quasi-identifiers that will be generalised, in contract order."""
    return {name: c for name, c in columns_at_generalise(contract).items() if c.role == "quasi-identifier"}


def check_contract(contract: Contract, positions: Positions | None = None) -> list[ContractError]:
    """Faults that the structure alone does not show: C102 for names that are unknown, C103 for contradictions."""
    check = _Check(contract, positions or Positions())
    check.dialects()
    check.columns()
    check.steps()
    if contract.privacy is not None:
        check.privacy(contract.privacy)
    check.learning()
    check.limits()
    check.feedback()
    return check.errors


def _follow(step: Step, columns: dict[str, Column]) -> None:
    """What a step does to the set of columns."""
    if isinstance(step, model.DropColumns):
        for name in step.columns:
            columns.pop(name, None)
    elif isinstance(step, model.Enrich):
        if not step.keep_key:
            columns.pop(step.on, None)
        columns.update(step.columns)


def _named(step: Step) -> list[tuple[str, str]]:
    """(key below the step, column) of every column that a step reads or changes."""
    if isinstance(step, (model.DropColumns, model.Pseudonymise)):
        return [(f"columns.{index}", name) for index, name in enumerate(step.columns)]
    if isinstance(step, model.Enrich):
        return [("on", step.on)]
    if isinstance(step, (model.Generalise, model.Sample)):
        return []
    return [("column", step.column)]


class _Check:
    def __init__(self, contract: Contract, positions: Positions) -> None:
        self.contract = contract
        self.positions = positions
        self.errors: list[ContractError] = []

    def fault(self, path: str, message: str, hint: str = "", *, code: str = "C103") -> None:
        self.errors.append(ContractError(code, message, hint=hint, where=self.positions.where(path)))

    def unknown_column(self, path: str, name: str, known: Iterable[str]) -> None:
        self.fault(path, f'no column "{name}" in the contract', did_you_mean(name, known), code="C102")

    # -- questions and answers

    def feedback(self) -> None:
        for path, message, hint in key_faults(self.contract.parties):
            self.fault(path, message, hint)
        if self.contract.feedback is not None:
            for fault in feedback_faults(self.contract, self.contract.feedback):
                self.fault(fault.path, fault.message, fault.hint, code=fault.code)

    # -- files

    def dialects(self) -> None:
        files = {"table.csv": self.contract.table.csv, "release.csv": self.contract.release.csv}
        for index, step in enumerate(self.contract.steps):
            if isinstance(step, model.Enrich):
                files[f"steps.{index}.table.csv"] = step.table.csv
        for path, csv in files.items():
            for code, key, message, hint in dialect_faults(csv):
                self.fault(f"{path}.{key}", message, hint, code=code)

    # -- columns

    def columns(self) -> None:
        if not self.contract.columns:
            self.fault("columns", "the contract names no column", "`jalousie inspect FILE --write` drafts them")
        for name, column in self.contract.columns.items():
            self._column(f"columns.{name}", column)

    def _column(self, path: str, column: Column) -> None:
        for key, level, message, hint in spec_faults(column.hierarchy):
            prefix = f"level {level}: " if level and "level" not in message else ""
            self.fault(f"{path}.hierarchy.{key}", prefix + message, hint)
        levels = spec_levels(column.hierarchy)
        if column.max_level is not None and column.min_level > column.max_level:
            self.fault(f"{path}.min-level", f"min-level {column.min_level} is above max-level {column.max_level}")
        bounds = (("min-level", column.min_level), ("max-level", column.max_level))
        for key, bound in bounds:
            if levels is not None and bound is not None and bound >= levels:
                message = f"{key} is {bound}; the hierarchy has levels 0 to {levels - 1}"
                self.fault(f"{path}.{key}", message, f"level {levels - 1} is `*`")
        if len(set(column.order)) != len(column.order):
            self.fault(f"{path}.order", "the order lists a value twice", "keep one of them")

    # -- steps

    def steps(self) -> None:
        columns = dict(self.contract.columns)
        generalised = False
        for index, step in enumerate(self.contract.steps):
            path = f"steps.{index}"
            for key, name in _named(step):
                if name not in columns:
                    self._absent(f"{path}.{key}", name, columns)
            if isinstance(step, model.Generalise):
                if generalised:
                    self.fault(path, "generalise is listed twice", "keep one of them")
                if self.contract.privacy is None:
                    self.fault(path, "a generalise step, but no privacy part", "add `privacy:` with its models")
                generalised = True
            elif generalised:
                self._after_generalise(path, step, columns)
            self._step_itself(path, step, columns)
            _follow(step, columns)

    def _absent(self, path: str, name: str, columns: dict[str, Column]) -> None:
        if name in self.contract.columns:
            self.fault(
                path, f'column "{name}" is gone by then: an earlier step drops it', "change the order of the steps"
            )
        else:
            self.unknown_column(path, name, columns)

    def _after_generalise(self, path: str, step: Step, columns: dict[str, Column]) -> None:
        """What was counted and promised at generalise must still hold in what is released."""
        hint = "move it before generalise"
        if isinstance(step, (model.DropRows, model.Sample)):
            self.fault(path, "rows are removed after generalise, so classes may fall below what the models ask", hint)
        elif isinstance(step, model.Enrich):
            self.fault(path, "new quasi-identifiers are joined after generalise and would not be protected", hint)
        drops = isinstance(step, model.DropColumns)
        done = "dropped" if drops else "changed"
        for key, name in _named(step) if not isinstance(step, (model.DropRows, model.Enrich)) else ():
            column = columns.get(name)
            if column is not None and column.role == "quasi-identifier":
                self.fault(f"{path}.{key}", f'quasi-identifier "{name}" is {done} after generalise', hint)
            elif name in self._modelled():
                self.fault(f"{path}.{key}", f'"{name}" is {done} after generalise, but a model speaks of it', hint)
            elif column is not None and column.role == "identifier" and not drops and name not in self._pseudonyms():
                message = f'identifier "{name}" is gone after generalise: it is released only as a pseudonym'
                self.fault(f"{path}.{key}", message, "pseudonymise it, or leave this step out")

    def _pseudonyms(self) -> set[str]:
        """Columns that some step pseudonymises."""
        return {name for s in self.contract.steps if isinstance(s, model.Pseudonymise) for name in s.columns}

    def _modelled(self) -> set[str]:
        """Sensitive columns that privacy models speak of."""
        models = self.contract.privacy.models if self.contract.privacy is not None else ()
        return {getattr(wanted, "column", "") for wanted in models} - {""}

    def _step_itself(self, path: str, step: Step, columns: dict[str, Column]) -> None:
        if isinstance(step, model.Clip):
            if step.low is None and step.high is None:
                self.fault(path, "clip has neither low nor high", "give one of them")
            elif step.low is not None and step.high is not None and step.low > step.high:
                self.fault(f"{path}.low", "low is above high", "exchange them")
        elif isinstance(step, model.DropRows):
            if step.when in ("in", "not-in") and not step.values:
                self.fault(path, f'"{step.when}" needs "values"', "add `values: [...]`")
            if step.when in ("equals", "not-equals", "below", "above") and step.value is None:
                self.fault(path, f'"{step.when}" needs "value"', "add `value: ...`; for nulls use is-null or not-null")
        elif isinstance(step, model.RandomisedResponse):
            if len(step.categories) == 1 or len(set(step.categories)) != len(step.categories):
                self.fault(f"{path}.categories", "categories must be two or more different values")
        elif isinstance(step, model.Enrich):
            if not step.columns:
                self.fault(f"{path}.columns", "enrich adds no column", "name those to add, with their roles")
            remaining = set(columns) - (set() if step.keep_key else {step.on})
            for name, column in step.columns.items():
                if name in remaining:
                    self.fault(f"{path}.columns.{name}", f'the table has a column "{name}" already', "drop it first")
                self._column(f"{path}.columns.{name}", column)

    # -- privacy

    def privacy(self, privacy: model.Privacy) -> None:
        columns = columns_at_generalise(self.contract)
        if not any(column.role == "quasi-identifier" for column in columns.values()):
            hint = "give the columns that others may know of a person the role quasi-identifier"
            self.fault("privacy.models", "models are asked for, but no column is a quasi-identifier", hint)
        seen: set[tuple[str, str]] = set()
        for index, wanted in enumerate(privacy.models):
            path = f"privacy.models.{index}"
            name, target = wanted.__struct_config__.tag, getattr(wanted, "column", "")
            if (str(name), target) in seen:
                of = f' for "{target}"' if target else ""
                self.fault(path, f"{name}{of} is asked for twice", "keep the stricter one")
            seen.add((str(name), target))
            if target:
                self._sensitive(path, wanted, target, columns)

    def _sensitive(self, path: str, wanted: model.Model, name: str, columns: dict[str, Column]) -> None:
        column = columns.get(name)
        if column is None:
            self._absent(f"{path}.column", name, columns)
            return
        if column.role != "sensitive":
            hint = f"give it the role sensitive (line {self.positions.where(f'columns.{name}').line or '?'})"
            self.fault(
                f"{path}.column", f'"{name}" has the role {column.role}; the model protects sensitive columns', hint
            )
        values = len(column.order)
        diversity = getattr(wanted, "l", 0)
        if values and diversity > values:
            message = f'l is {diversity:g}, but "{name}" has only {values} values'
            self.fault(f"{path}.l", message, f"l can be at most {values}")
        if isinstance(wanted, model.TCloseness):
            if wanted.distance == "ordered" and not column.order and column.type not in _ORDERED_TYPES:
                hint = f'list the values of "{name}" in `order:`, or give it a number or date type'
                self.fault(f"{path}.distance", f'an ordered distance, but "{name}" has no order', hint)
            if wanted.distance == "hierarchical" and isinstance(column.hierarchy, model.NoHierarchy):
                hint = f'give "{name}" a hierarchy, or take the distance equal'
                self.fault(f"{path}.distance", f'a hierarchical distance, but "{name}" has no hierarchy', hint)

    # -- learning and limits

    def learning(self) -> None:
        learning = self.contract.learning
        if learning is None:
            return
        columns = dict(self.contract.columns)
        for step in self.contract.steps:
            _follow(step, columns)
        if learning.target not in columns:
            if learning.target in self.contract.columns:
                hint = "do not drop it, or take another target"
                self.fault("learning.target", f'the target "{learning.target}" is not released', hint)
            else:
                self.unknown_column("learning.target", learning.target, columns)
        elif columns[learning.target].role == "identifier":
            message = f'the target "{learning.target}" is an identifier and is not released'
            self.fault("learning.target", message, "take another target")

    def limits(self) -> None:
        limits = self.contract.limits
        for index, name in enumerate(limits.enforce):
            path = f"limits.enforce.{index}"
            if name not in _LIMITS:
                self.fault(path, f'unknown limit "{name}"', did_you_mean(name, _LIMITS), code="C102")
            elif getattr(limits, name.replace("-", "_")) is None:
                self.fault(path, f'limit "{name}" is enforced but not set', f"add `{name}: ...` to limits")
        if self.contract.learning is None and limits.learning_share is not None:
            self.fault(
                "limits.learning-share", "a learning limit without a learning part", "add `learning:` with a target"
            )
