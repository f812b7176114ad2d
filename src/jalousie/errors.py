"""The error tree, and the rule that an error is also a possible leak.

    JalousieError
    ├── UsageError       U  exit 2   the command or call is wrong
    ├── ContractError    C  exit 3   the contract file is wrong
    ├── TableError       T  exit 4   a table could not be read, or is not what the contract says
    ├── HierarchyError   H  exit 5   a generalisation hierarchy is wrong
    ├── PrivacyError     P  exit 6   no release satisfies the contract, or a step cannot be done
    ├── ReleaseError     R  exit 7   a release could not be written, or is not what it claims to be
    ├── ValidatorError   V  exit 8   a question is refused, or cannot be asked
    ├── WireError        W  exit 9   a message is not what it should be, or the other side cannot be reached
    ├── LedgerError      L  exit 10  the ledger does not verify
    ├── StoreError       S  exit 11  a place cannot read or keep what it has to remember
    └── InternalError    X  exit 70  a fault of Jalousie

An error has two texts. The *local* text may name columns, lines of the contract and counts; the *remote* text is a fixed
sentence per code. Neither ever holds a cell value, and the remote text holds no name, number or path at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a contract: `file` is a base name, `line` and `column` count from 1, `path` is dotted."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line else "") + (f":{self.column}" if self.column else "")
        return "  ".join(part for part in (place, self.path) if part)


class JalousieError(Exception):
    """Base of all errors that Jalousie raises on purpose.

    Parameters
    ----------
    code
        a key of `CODES`
    message
        local text, one line: column names, levels, line numbers and counts are allowed, cell values are not
    hint
        how to mend it, one line
    where
        place in the contract
    effect
        what the failure left behind
    """

    exit_code: ClassVar[int] = 70

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        where: Where | None = None,
        effect: str = "nothing was written",
    ) -> None:
        if code not in CODES:
            raise AssertionError(f"error code {code} is not registered")
        # names of columns and files come from outside: they must not break the line or move a terminal's cursor
        self.message = one_line(message)
        self.hint = one_line(hint)
        super().__init__(self.message)
        self.code = code
        self.where = where
        self.effect = effect

    def __str__(self) -> str:
        return self.local_text()

    def local_text(self) -> str:
        """For the person at the keyboard of the place where it happened."""
        lines = [f"error[{self.code}]: {self.message}"]
        if self.where is not None and str(self.where):
            lines.append(f"  contract  {self.where}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        if self.effect:
            lines.append(f"  {self.effect}")
        return "\n".join(lines)

    def remote_text(self) -> str:
        """For anybody else: a fixed sentence, the same whatever the data were."""
        return f"error[{self.code}]: {CODES[self.code]}"

    def to_dict(self) -> dict[str, Any]:
        """The one shape of an error in JSON (local)."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "hint": self.hint,
                "where": str(self.where) if self.where is not None else "",
                "effect": self.effect,
                "exit_code": self.exit_code,
            }
        }


class UsageError(JalousieError):
    exit_code = 2


class ContractError(JalousieError):
    exit_code = 3


class TableError(JalousieError):
    exit_code = 4


class HierarchyError(JalousieError):
    exit_code = 5


class PrivacyError(JalousieError):
    exit_code = 6


class ReleaseError(JalousieError):
    exit_code = 7


class ValidatorError(JalousieError):
    exit_code = 8


class WireError(JalousieError):
    exit_code = 9


class LedgerError(JalousieError):
    exit_code = 10


class StoreError(JalousieError):
    exit_code = 11


class InternalError(JalousieError):
    exit_code = 70


def one_line(text: str) -> str:
    """The text with `?` for line ends and other characters that are not printed."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "age"?`, or a list of what is known where nothing is close."""
    from difflib import get_close_matches  # only a mistake needs it

    options = list(known)
    near = get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    shown = ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
    return f"known: {shown}" if shown else ""


@contextmanager
def library_boundary(
    kind: type[JalousieError], code: str, message: str, *catch: type[Exception], hint: str = ""
) -> Iterator[None]:
    """Re-raise a library's error as ours, without its text or its chain: both can quote cell values."""
    kinds = catch or (Exception,)
    try:
        yield
    except JalousieError:
        raise
    except kinds:
        raise kind(code, message, hint=hint) from None


# Remote texts. docs/reference/errors.md is generated from this table; a test keeps them in step.
CODES: dict[str, str] = {
    # usage
    "U100": "the command was not understood",
    "U150": "a table lacks a column that is needed",
    "U152": "there is too little to learn from",
    "U153": "a target has too many classes",
    "U151": "the encoder's or attack's parameters are wrong",
    "U160": "a release cannot be given as that kind of data frame",
    # contract
    "C100": "the contract file cannot be read",
    "C101": "the contract is not valid YAML",
    "C102": "the contract has an unknown key or value",
    "C103": "the contract contradicts itself",
    "C104": "the contract has a key twice",
    "C105": "a file is not the one that the contract names",
    # tables
    "T200": "the table cannot be read",
    "T201": "the table lacks a column",
    "T202": "a column occurs twice",
    "T203": "the table has a column that the contract does not name",
    "T204": "the table has no rows or no columns",
    "T205": "the CSV file is broken",
    "T206": "the text is not in the declared encoding",
    "T207": "a cell is not of its declared type",
    "T208": "the file is damaged or not of its declared format",
    "T209": "the file is missing, a folder or not readable",
    "T210": "a column has a type that the contract does not expect",
    "T211": "a data frame mixes types or is of an unknown kind",
    "T212": "a column has a type that cannot be used in this role",
    "T213": "the table changed while it was worked on",
    "T214": "the engine failed",
    "T215": "a table holds the mark of suppressed cells as a value",
    "T216": "nothing of the table could be released",
    # tables: steps
    "T260": "a step names a column that the table does not have",
    "T261": "a step does not fit the type of its column",
    "T262": "the table to join has several rows for one key",
    "T263": "a column has values that a step cannot take",
    "T264": "a step would add a column that exists already",
    # hierarchies
    "H300": "a hierarchy cannot be read",
    "H301": "a hierarchy file is empty or its lines differ in length",
    "H302": "the table has values that a hierarchy does not know",
    "H303": "the levels of a hierarchy are not nested",
    "H304": "a hierarchy has a value twice",
    "H305": "values do not fit the way a hierarchy is built",
    "H306": "a hierarchy's definition contradicts itself",
    "H310": "a value is not in its hierarchy",
    "H311": "a hierarchy is not nested",
    # privacy
    "P400": "no release satisfies the contract",
    "P401": "every row would have to be suppressed",
    "P402": "no release was found in the time allowed",
    "P420": "the population is smaller than the table",
    "P421": "a step could not be carried out",
    "P422": "a step needs a key, and none is at hand",
    "P423": "a step needs a table, and none is at hand",
    "P424": "a step is incomplete or contradicts itself",
    "P430": "nothing would be left to release",
    "P431": "the release would miss a limit that the contract enforces",
    "P432": "a limit that the contract enforces is not measured",
    "P440": "a key cannot be read or made",
    "P441": "a key can be read by others",
    "P442": "a key is damaged",
    # releases
    "R500": "the release cannot be written",
    "R501": "the release is not what was decided",
    "R503": "the output exists already",
    "R520": "the release card cannot be read",
    "R510": "the release cannot be read",
    "R511": "the release is not what its card says",
    "R512": "a release cannot be attacked afterwards",
    "R530": "the table as written holds values that were not in it",
    "R531": "the table as written does not keep its promise",
    "R532": "the table as written has the wrong number of rows",
    "R540": "the written table is not what was decided",
    # validator: what the monitor refuses (V201 to V209) and what cannot be set up (V21x)
    "V201": "the budget does not suffice",
    "V202": "too many questions in the last minute",
    "V203": "the contract's number of questions is used up",
    "V204": "a group is smaller than the contract allows",
    "V205": "the question has more groups or partitions than the contract allows",
    "V206": "the population is not known",
    "V207": "the question is not of its form",
    "V208": "the label is not known",
    "V209": "no budget was offered, or too little",
    "V210": "the provider's lifetime budget of a label does not suffice for the contract",
    "V211": "the population names a record twice, or none",
    "V212": "a label's values do not fit the contract",
    "V213": "no record can be asked about",
    "V214": "the question was not answered yet",
    "V215": "no more populations can be named under the contract",
    "V216": "records of several subjects share an identifier",
    "V217": "a question asks for a statistic that the label does not have",
    # validator: sealed labels
    "V218": "a sealed column or answer is not of its form",
    "V219": "a provider's sealed labels are missing",
    "V220": "a sealed column is of an unknown provider, or came before",
    "V221": "the labels are sealed with another key",
    "V222": "a sealed column is of another contract, population, label or epoch",
    # wire
    "W600": "the message is not of its form",
    "W601": "the message is larger than is allowed",
    "W602": "the signature does not verify",
    "W603": "the message is meant for another party, contract or action",
    "W604": "the message is too old, or from a clock that is ahead",
    "W605": "the message was received before",
    "W606": "an array is not of its declared shape or type",
    "W607": "the other side cannot be reached",
    "W608": "the other side answered something unexpected",
    "W610": "a signing key cannot be read or made",
    "W611": "a signing key can be read by others",
    "W612": "a signing key is damaged",
    "W613": "a public key is not of its form",
    "W614": "a TLS certificate or its private key cannot be used",
    # ledger
    "L700": "the exported ledger cannot be read",
    "L701": "an entry of the ledger is not of its form",
    "L702": "an entry of the ledger is not the one that was signed",
    "L703": "entries are missing from the ledger",
    "L704": "entries of the ledger are not in their order",
    "L705": "the ledger was forked: two checkpoints contradict each other",
    "L706": "a checkpoint is not signed by the key that was given",
    "L707": "the times in the ledger are impossible",
    "L708": "a checkpoint is not of its form, or of another ledger",
    "L709": "a cosignature is missing or does not verify",
    "L710": "the ledger records something that the contract forbids",
    "L711": "a proof about the ledger does not hold",
    "L712": "a set of records is not the one that the ledger names",
    "L713": "there is no ledger in this place",
    # store
    "S800": "the place's store cannot be opened",
    "S801": "the place's store was made by a newer version",
    "S802": "the place's store can be read by others",
    "S803": "the place's store is busy, or the disk is full",
    "S804": "the place's store is damaged",
    "S805": "the place's master key is not that of its store",
    # internal
    "X900": "an internal fault",
    "X930": "an attack could not read what was written",
    "X920": "a figure of the release card is not a number",
    "X901": "there was not enough memory",
}
