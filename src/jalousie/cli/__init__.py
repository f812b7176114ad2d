"""The command line: `jalousie VERB ...`. One thin file a verb; this one finds the verb, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import os
import re
import signal
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from jalousie import __version__
from jalousie.errors import InternalError, JalousieError, ReleaseError, UsageError, did_you_mean

VERBS = {
    "inspect": "look at a table: types, uniqueness, proposed roles, a contract draft",
    "check": "check a contract, and with --data its table against it",
    "protect": "de-identify a table as the contract says and write the release",
    "open": "check a release and print its card",
    "attack": "try to re-identify people in a release, and to learn labels from answers (needs the raw table)",
    "keys": "make or show the key that signs what this party sends",
    "serve": "answer questions about labels over HTTP, as the contract's feedback part says",
    "ask": "ask a provider for noisy label counts by the groups of a table",
    "budget": "show what is left to ask",
    "history": "show what was asked, answered and refused; cosign the provider's ledger",
    "audit": "verify a ledger offline, replay its budgets, or export it",
    "doctor": "check keys, clock, store and contract of this place",
    "schema": "print the JSON Schema of contracts or the list of error codes",
}
INTERRUPTED = 130
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EIO: "the device failed"}


class Parser(argparse.ArgumentParser):
    """Usage errors in the one error shape. Options are written out: a script that abbreviates breaks with the next option."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        raise UsageError("U100", self._tidy(message), hint=f"{self.prog} --help", effect="")

    def _tidy(self, message: str) -> str:
        """argparse quotes what was typed, which may be a path; keep what helps."""
        if found := re.match(r"argument (\S+): invalid choice: '(.*)' \(choose from", message, re.DOTALL):
            name, word = found.groups()
            action = next(a for a in self._actions if name in (a.metavar, a.dest, *a.option_strings, name_of(a)))
            advice = did_you_mean(word, map(str, action.choices or ()))
            return (
                f"there is no such verb; {advice}" if name == "VERB" else f"argument {name}: no such choice; {advice}"
            )
        if found := re.match(r"argument (\S+): invalid (\w+) value:", message):
            kind = {"int": "a whole number", "float": "a number"}.get(found[2], "another kind of value")
            return f"argument {found[1]}: it takes {kind}"
        return message

    def refuse_surplus(self, surplus: list[str]) -> None:
        """Raises UsageError U100 for words that nobody took."""
        options = [word.partition("=")[0] for word in surplus if word.startswith("-")]
        if options:
            known = sorted(option for action in self._actions for option in action.option_strings if len(option) > 2)
            if options[0] in known:
                self.error(f'"{options[0]}" goes after the verb')
            self.error(f'there is no option "{options[0]}"; {did_you_mean(options[0], known)}')
        if surplus:
            self.error(f"{len(surplus)} argument{'s' if len(surplus) > 1 else ''} too many")


def name_of(action: argparse.Action) -> str:
    """An argument as argparse names it in messages."""
    return "/".join(action.option_strings)


def build_parser(verb: str | None, *, alone: bool = False) -> Parser:
    """Only the chosen verb's file is imported: `--help` stays fast. `alone`: the others are not even listed."""
    parser = Parser(
        prog="jalousie",
        description="Collaborate on data that cannot be handed over.",
        epilog="Exit codes: 0 done, 1 a check of the contract failed, 2 usage, 3 contract, 4 table, 5 hierarchy, "
        "6 privacy, 7 release, 8 question, 9 message, 10 ledger, 11 store, 12 audit undecided, 70 internal, "
        "130 interrupted. Errors: jalousie schema errors",
    )
    parser.add_argument("--version", action="version", version=f"jalousie {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    for name, help_text in VERBS.items():
        if alone and name != verb:
            continue
        child = verbs.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
        child.add_argument("--json", action="store_true", help="print one JSON document instead of text")
        if name == verb:
            import_module(f"jalousie.cli.{name}").arguments(child)
            parser.set_defaults(parser=child)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code. No traceback ever reaches the terminal: it could quote a cell."""
    words = sys.argv[1:] if argv is None else argv
    # BLAS threads spin up at import and cost more than all our linear algebra; learners bring their own threads
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _open_streams()
    as_json = "--json" in words
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except JalousieError as error:
        return _interrupted() if _signals else _report(error, as_json)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        _close_output()
        return 0
    except MemoryError:
        return _report(
            InternalError("X901", "there is not enough memory", hint="allow more, or fewer threads"), as_json
        )
    except Exception as error:  # noqa: BLE001 (the last boundary: an unforeseen error must not print a traceback with cells in it)
        return _interrupted() if _signals else _report(_unforeseen(error), as_json)


def _run(words: list[str]) -> int:
    verb = next((word for word in words if not word.startswith("-")), None)
    # all are needed to print help and to say which verb may have been meant
    alone = verb in VERBS and verb == words[0]
    arguments, surplus = build_parser(verb, alone=alone).parse_known_args(words)
    arguments.parser.refuse_surplus(surplus)
    return int(import_module(f"jalousie.cli.{arguments.verb}").run(arguments))


def _open_streams() -> None:
    """Output that is closed goes nowhere, and a character that the terminal's encoding lacks is no reason to fail."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _close_output() -> None:
    """Nobody reads standard output, or it is full: what is left in its buffer must not fail again at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> NoReturn:
    """The console's entry: `main`, then out. Whatever must happen at the end (spill folders, open files) happens; taking the
    libraries apart object by object, which the operating system does at once, does not."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # a library's warning may quote what it worked on
    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, _interrupt)
    # start-up makes tens of thousands of lasting objects; looking for garbage among them each 700 costs 5 % of a short command
    gc.set_threshold(50_000, 20, 20)
    code = main()
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # what follows removes raw data, and is short
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    atexit._run_exitfuncs()
    os._exit(code)


_signals: list[int] = []
"""Those that have asked this process to end."""


def _interrupt(number: int, frame: object) -> NoReturn:
    """A polite end by another program is like Ctrl-C: folders that hold raw data are removed."""
    _signals.append(number)  # an engine makes an error of its own of the exception
    raise KeyboardInterrupt


def _interrupted() -> int:
    with suppress(OSError):
        print("interrupted; what was not finished was not written", file=sys.stderr, flush=True)
    return INTERRUPTED


def _unforeseen(error: Exception) -> JalousieError:
    """Kind and place of a fault, for a bug report; its text stays here, since it may quote the data."""
    if isinstance(error, OSError) and error.errno in FULL:
        return ReleaseError(
            "R500",
            f"the output or a temporary file cannot be written: {FULL[error.errno]}",
            hint="free some space",
            effect="what was not finished was not written",
        )
    places = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if "jalousie" in code.co_filename:
            places.append(f"{os.path.basename(code.co_filename)}:{step.tb_lineno}")
        step = step.tb_next
    return InternalError(
        "X900",
        f"a fault of Jalousie: {type(error).__name__} at {' < '.join(reversed(places[-4:]))}",
        hint="please report this line; it holds no data",
        effect="what was not finished was not written",
    )


def _report(error: JalousieError, as_json: bool) -> int:
    if as_json:
        import json

        try:
            print(json.dumps(error.to_dict(), indent=2), flush=True)
            return error.exit_code
        except OSError:
            _close_output()
    with suppress(OSError):  # the exit code then has to say it
        print(error.local_text(), file=sys.stderr, flush=True)
    return error.exit_code
