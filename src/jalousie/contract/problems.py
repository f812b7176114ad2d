"""Several faults of a contract in one error: people mend a file in one go, not one run a fault."""

from __future__ import annotations

from collections.abc import Sequence

from jalousie.errors import ContractError

_SHOWN = 8


class ContractErrors(ContractError):
    """The first of several faults; `others` are the rest, in the order of the file."""

    def __init__(self, first: ContractError, others: Sequence[ContractError]) -> None:
        super().__init__(first.code, first.message, hint=first.hint, where=first.where, effect=first.effect)
        self.others = tuple(others)

    def local_text(self) -> str:
        lines = [super().local_text(), f"and {len(self.others)} more in the same contract:"]
        for error in self.others[:_SHOWN]:
            place = f"  ({error.where})" if error.where is not None and str(error.where) else ""
            lines.append(f"  [{error.code}] {error.message}{place}")
            if error.hint:
                lines.append(f"      hint: {error.hint}")
        if len(self.others) > _SHOWN:
            lines.append(f"  ... and {len(self.others) - _SHOWN} others")
        return "\n".join(lines)


def raise_all(errors: Sequence[ContractError]) -> None:
    """Raise nothing for none, the error for one, and the first with the others attached for several."""
    if not errors:
        return
    ordered = sorted(errors, key=_line)
    if len(ordered) == 1:
        raise ordered[0] from None
    raise ContractErrors(ordered[0], ordered[1:]) from None


def _line(error: ContractError) -> tuple[int, int]:
    return (error.where.line, error.where.column) if error.where is not None else (0, 0)
