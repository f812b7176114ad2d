"""The command line: `jalousie VERB ...`. One thin file a verb; this one finds the verb, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from jalousie import __version__
from jalousie.errors import InternalError, JalousieError, UsageError, did_you_mean

VERBS = {
    "inspect": "look at a table: types, uniqueness, proposed roles, a contract draft",
    "check": "check a contract without touching the data",
    "protect": "de-identify a table as the contract says and write the release",
    "open": "check a release and print its card",
    "attack": "try to re-identify people and infer attributes in a release (needs the raw table)",
    "schema": "print the JSON Schema of contracts or the list of error codes",
}
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Usage errors in the one error shape."""

    def error(self, message: str) -> NoReturn:
        raise UsageError("U100", _tidy(message), hint=f"{self.prog} --help", effect="")


def _tidy(message: str) -> str:
    """argparse quotes what was typed and lists all choices; keep the suggestion, not the list."""
    if "invalid choice: " in message and "argument VERB" in message:
        word = message.split("invalid choice: ")[1].split("'")[1]
        return f"there is no such verb; {did_you_mean(word, VERBS)}"
    return message


def build_parser(verb: str | None) -> Parser:
    """Only the chosen verb's file is imported: `--help` stays fast."""
    parser = Parser(
        prog="jalousie",
        description="Collaborate on data that cannot be handed over.",
        epilog="Exit codes: 0 done, 1 a check of the contract failed, 2 usage, 3 contract, 4 table, 5 hierarchy, "
        "6 privacy, 7 release, 70 internal, 130 interrupted. Errors: jalousie schema errors",
    )
    parser.add_argument("--version", action="version", version=f"jalousie {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    for name, help_text in VERBS.items():
        child = verbs.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
        child.add_argument("--json", action="store_true", help="print one JSON document instead of text")
        if name == verb:
            import_module(f"jalousie.cli.{name}").arguments(child)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code. No traceback ever reaches the terminal: it could quote a cell."""
    words = sys.argv[1:] if argv is None else argv
    # BLAS threads spin up at import and cost more than all our linear algebra; learners bring their own threads
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    as_json = "--json" in words
    try:
        verb = next((word for word in words if not word.startswith("-")), None)
        arguments = build_parser(verb).parse_args(words)
        code = import_module(f"jalousie.cli.{arguments.verb}").run(arguments)
        sys.stdout.flush()
    except JalousieError as error:
        return _report(error, as_json)
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _report(
            InternalError("X901", "there is not enough memory", hint="allow more, or fewer threads"), as_json
        )
    except Exception as error:  # noqa: BLE001 (the last boundary: an unforeseen error must not print a traceback with cells in it)
        return _report(_unforeseen(error), as_json)
    return int(code)


def run() -> NoReturn:
    """The console's entry: `main`, then out. Whatever must happen at the end (spill folders, open files) happens; taking the
    libraries apart object by object, which the operating system does at once, does not."""
    # start-up makes tens of thousands of lasting objects; looking for garbage among them each 700 costs 5 % of a short command
    gc.set_threshold(50_000, 20, 20)
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    atexit._run_exitfuncs()
    os._exit(code)


def _unforeseen(error: Exception) -> InternalError:
    """Kind and place of a fault, for a bug report; its text stays here, since it may quote the data."""
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
    )


def _report(error: JalousieError, as_json: bool) -> int:
    if as_json:
        import json

        print(json.dumps(error.to_dict(), indent=2))
    else:
        print(error.local_text(), file=sys.stderr)
    return error.exit_code
