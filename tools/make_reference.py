"""Write docs/reference/contract.md and docs/reference/errors.md from the code, so that they cannot fall behind it.

python tools/make_reference.py            write the pages
python tools/make_reference.py --check    exit 1 if a page differs from the code
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jalousie import errors
from jalousie.cli import VERBS, build_parser
from jalousie.contract import json_schema

DOCS = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- made by tools/make_reference.py; edit the source instead -->\n"

CONTRACT_INTRO = """
# The contract file

One file says what provider and ML party agreed. It is YAML 1.2 or JSON, in UTF-8. Keys that are not listed here are errors, and
so are keys that occur twice; `jalousie schema contract` prints the same format as a JSON Schema, for editors. Text that could be
taken for something else (`yes`, `007`, `2024-02-29`) is text; numbers and `true`, `false`, `null` are what they look like.
[ADR 0003](../adr/0003-contract-format.md) gives the reasons.

```yaml
{example}```

`jalousie inspect FILE --write contract.yaml` drafts one from a table.
"""

EXAMPLE = """\
jalousie: 1
name: census
parties: {provider: Statistics office, ml-party: Acme}
purpose: predict income from work and education
table: {file: census.csv, csv: {nulls: ["", "?"]}}

columns:
  person: {role: identifier}
  age: {role: quasi-identifier, type: integer, hierarchy: {by: intervals, widths: [5, 10, 20], low: 20, high: 80}}
  zip: {role: quasi-identifier, hierarchy: {by: mask, length: 5}}
  born: {role: quasi-identifier, type: date, hierarchy: {by: dates, levels: [month, year, decade]}}
  job: {role: quasi-identifier, hierarchy: {by: file, file: job.csv}}
  income: {role: sensitive}

steps:
  - {step: drop-columns, columns: [person]}

privacy:
  models:
    - {model: k-anonymity, k: 5}
    - {model: distinct-l-diversity, column: income, l: 2}
  suppression: 0.05

learning: {target: income}
limits: {certain-share: 0.1, enforce: [certain-share]}
"""

HIERARCHY_NOTES = """
### What holds for every hierarchy

- Level 0 is the raw value; the last level is `*`, which is added where a file or definition does not end in it.
- Levels are nested: values that are equal at one level are equal at all above.
- A null is a value of its own. It stays a null at every level below `*`, unless a hierarchy file has a line whose raw value is
  empty, which then says how nulls are generalised (if the column has empty texts as well, the line is theirs).
- `-0.0` and `0.0` are one value: a quasi-identifier is released with `0.0`.
- Every value of the table must be in the hierarchy's domain. The domain is also what Loss divides by: a cell's share is the part
  of the domain that it could be. It is all lines of a file; all values listed for `ordered` and `sets`; every whole number from
  `low` up to `high` (and what occurs outside) for `intervals` with both ends over whole numbers; and the values that occur
  otherwise.
- Labels of numbers say what they cover: `[20, 40)` is 20 up to, not including, 40; `< 20` and `>= 80` are the open ends. Those of
  dates are `2024-02-29`, `2024-W09` (ISO week), `2024-02`, `2024-Q1`, `2024`, `2020-2029`. Ordered sets give `first .. last`.
"""

SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("The whole", "", ("Contract", "Parties")),
    ("table", "", ("Table", "Csv")),
    ("columns", "", ("Column",)),
    ("Hierarchies", HIERARCHY_NOTES, ("*Hierarchy",)),
    ("steps", "", ("*Step",)),
    ("privacy", "", ("Privacy", "*Model")),
    ("learning", "", ("Learning",)),
    ("limits", "", ("Limits",)),
    ("release", "", ("ReleaseForm",)),
    ("feedback", "", ("Feedback", "Label", "Sealed")),
)
TAGS = {"*Hierarchy": "by", "*Step": "step", "*Model": "model"}


def contract_page() -> str:
    """The reference of the contract file in Markdown."""
    definitions: dict[str, Any] = json_schema()["$defs"]
    lines = [MADE + CONTRACT_INTRO.format(example=EXAMPLE).lstrip("\n")]
    for title, notes, names in SECTIONS:
        heading = f"`{title}`" if title.islower() else title
        lines.append(f"## {heading}\n")
        if notes:
            lines.append(notes.strip() + "\n")
        for name in names:
            lines += [_part(part, definitions) for part in _parts(name, definitions)]
    return "\n".join(lines)


def _parts(name: str, definitions: dict[str, Any]) -> list[str]:
    """A definition's name, or with `*` all that are told apart by the same key."""
    if name not in TAGS:
        return [name]
    return [part for part, definition in definitions.items() if TAGS[name] in definition.get("required", ())]


def _part(name: str, definitions: dict[str, Any]) -> str:
    part = definitions[name]
    tag = next((key for key in TAGS.values() if key in part["required"]), "")
    title = f"`{tag}: {part['properties'][tag]['enum'][0]}`" if tag else name
    lines = [f"### {title}\n", f"{part['description']}\n"]
    rows = [
        row for key, definition in part["properties"].items() if key != tag for row in [_row(key, definition, part)]
    ]
    if rows:
        lines += ["| key | value | default | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(key: str, definition: dict[str, Any], part: dict[str, Any]) -> str:
    if key in part["required"]:
        default = "required"
    else:
        value = definition.get("default")
        default = f"`{json.dumps(value, ensure_ascii=False)}`" if "default" in definition and value is not None else ""
    cells = (f"`{key}`", _kind(definition), default, definition.get("description", ""))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(definition: dict[str, Any]) -> str:
    """A type in words."""
    if "$ref" in definition:
        return _link(definition["$ref"].rpartition("/")[2])
    if "discriminator" in definition:
        key = definition["discriminator"]["propertyName"]
        return {"by": "a [hierarchy](#hierarchies)", "step": "a [step](#steps)", "model": "a [model](#privacy)"}[key]
    if "anyOf" in definition:
        kinds = [_kind(option) for option in definition["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in definition:
        return ", ".join(f"`{json.dumps(option) if option == '' else option}`" for option in definition["enum"])
    kind = definition.get("type")
    if kind == "array":
        return f"list: {_kind(definition['items'])}"
    if kind == "object":
        return f"mapping of names to: {_kind(definition['additionalProperties'])}"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}[
        kind or "string"
    ]
    return " ".join((words, *_limits(definition))).strip()


def _limits(definition: dict[str, Any]) -> Iterator[str]:
    for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
        if key in definition:
            yield f"{sign} {definition[key]:g}"
    if definition.get("maxLength") == 1:
        yield "(one character)"


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


ERRORS_INTRO = """
# Errors

Every error has a code, a message for the person at the keyboard, usually a hint, and an exit code. What is sent to another party
is only the sentence below: it is the same whatever the data were. No message holds a cell value or a path.

```
error[C102]: unknown key "supression" in "privacy"
  contract  census.yaml:18:3  privacy.supression
  hint: did you mean "suppression"?
  nothing was written
```
"""


def errors_page() -> str:
    """The reference of error codes in Markdown."""
    kinds = dict(_families())
    lines = [MADE + ERRORS_INTRO.lstrip("\n")]
    for kind, name in kinds.items():
        cls: type[errors.JalousieError] = getattr(errors, name)
        lines += [f"## {kind}: `{name}`, exit code {cls.exit_code}\n", "| code | what is said elsewhere |", "|---|---|"]
        lines += [f"| `{code}` | {text} |" for code, text in sorted(errors.CODES.items()) if code.startswith(kind)]
        lines.append("")
    return "\n".join(lines)


def _families() -> Iterator[tuple[str, str]]:
    """Letter and class of each family, from the tree at the top of `errors`."""
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("├──", "").replace("└──", "").split()
        if len(words) > 2 and words[0].endswith("Error") and words[2] == "exit":
            yield words[1], words[0]


CLI_INTRO = """
# The command line

`jalousie VERB ...`, or `python -m jalousie VERB ...`. Every verb takes `--json` (one JSON document on standard output,
errors included) and `--help`. Figures and cards go to standard output, remarks and errors to standard error. `NO_COLOR`
takes colours away; a progress bar appears on a terminal alone, after a second. `JALOUSIE_HOME` is the folder of a
provider's keys (default `~/.jalousie`).

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | done, and a check failed (`attack`) |
| 2 to 11, 70 | an error, by [family](errors.md) |
| 12 | done, and a budget could not be decided (`audit replay` without `--members`) |
| 130 | interrupted; nothing was written |
"""


def cli_page() -> str:
    """The reference of the command line in Markdown, from the parsers themselves."""
    lines = [MADE + CLI_INTRO.lstrip("\n")]
    for verb, words in VERBS.items():
        parser = build_parser(verb)
        (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        lines += [f"## `jalousie {verb}`\n", f"{words[0].upper()}{words[1:]}.\n", "| argument | meaning |", "|---|---|"]
        for action in verbs.choices[verb]._actions:
            if "--help" not in action.option_strings:
                lines.append(f"| `{_argument(action)}` | {(action.help or '').replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)


def _argument(action: argparse.Action) -> str:
    name = action.option_strings[-1] if action.option_strings else (action.metavar or action.dest)
    value = "" if action.nargs == 0 or not action.option_strings else f" {_value(action)}"
    return f"{name}{value}"


def _value(action: argparse.Action) -> str:
    if action.choices:
        return " or ".join(str(choice) for choice in action.choices)
    return str(action.metavar or action.dest.upper())


PAGES = {"contract.md": contract_page, "errors.md": errors_page, "cli.md": cli_page}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    only_check = parser.parse_args().check
    stale = [
        name
        for name, make in PAGES.items()
        if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != make()
    ]
    for name in stale:
        if only_check:
            print(f"docs/reference/{name} is out of date: run tools/make_reference.py", file=sys.stderr)
        else:
            DOCS.mkdir(parents=True, exist_ok=True)
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"wrote docs/reference/{name}")
    return 1 if only_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
