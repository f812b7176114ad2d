"""What the command line says, and where: one JSON document, colours and bars on terminals alone, signals, broken pipes."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from command_desk import Desk
from jalousie.cli import VERBS

ANSI = re.compile(rb"\x1b\[[0-9;]*m")
LEARNING = (
    "privacy:",
    "learning: {target: illness, learners: [lightgbm, logistic-regression], test-share: 0.5}\nprivacy:",
)


def release(desk: Desk) -> None:
    ran = desk.protect("--no-attacks", "--no-report")
    assert ran.code == 0, ran.text


# -- JSON

JSON_COMMANDS: dict[str, tuple[str, ...]] = {
    "inspect": ("inspect", "people.csv"),
    "inspect and write": ("inspect", "people.csv", "--write", "draft.yaml"),
    "check": ("check", "contract.yaml"),
    "protect": ("protect", "contract.yaml", "--out", "again", "--no-learning", "--junit", "junit.xml"),
    "protect --dry-run": ("protect", "contract.yaml", "--dry-run", "--no-learning"),
    "open": ("open", "small.release"),
    "attack": ("attack", "contract.yaml"),
    "attack a release": ("attack", "contract.yaml", "--release", "small.release"),
    "schema contract": ("schema", "contract"),
    "schema card": ("schema", "card"),
    "schema errors": ("schema", "errors"),
    "keys": ("keys", "new"),
    "doctor": ("doctor",),
}


@pytest.mark.parametrize("name", JSON_COMMANDS)
def test_standard_output_is_one_json_document(name: str, desk: Desk) -> None:
    release(desk)
    ran = desk.run(*JSON_COMMANDS[name], "--json")
    assert ran.code in (0, 1), ran.text
    assert isinstance(json.loads(ran.out), dict | list)
    assert ran.err == ""


@pytest.mark.parametrize("verb", VERBS)
def test_errors_of_every_verb_are_one_json_document(verb: str, desk: Desk) -> None:
    ran = desk.run(verb, "--no-such-option", "--json")
    assert ran.code == 2
    error = json.loads(ran.out)["error"]
    assert error["code"] == "U100"
    assert error["hint"] == f"jalousie {verb} --help"
    assert ran.err == ""


def test_learners_do_not_speak(desk: Desk) -> None:
    """LightGBM prints from C, past Python's own streams: only a process of its own can show that nothing is said."""
    rows = [
        (f"p{i}", str(20 + i % 30), "NSEW"[i % 4] + "x", ("flu", "cold")[i * i % 7 % 2], str(i)) for i in range(400)
    ]
    desk.table([("id", "age", "town", "illness", "note"), *rows])
    desk.contract(*LEARNING)
    with desk.start("protect", "contract.yaml", "--json") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert len(json.loads(out)["learning"]["learners"]) == 2
    assert err == ""


# -- options


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("protect", "contract.yaml", "--kernal", "numpy"), 'no option "--kernal"; did you mean "--kernel"?'),
        (("protect", "contract.yaml", "--kernel=nmpy"), 'argument --kernel: no such choice; did you mean "numpy"?'),
        (("protect", "contract.yaml", "--threads", "two"), "argument --threads: it takes a whole number, 1 or more"),
        (("protect", "contract.yaml", "--threads", "0"), "argument --threads: it takes a whole number, 1 or more"),
        (("protect", "contract.yaml", "--threads", "-1"), "argument --threads"),
        (("protect", "contract.yaml", "--dry"), 'did you mean "--dry-run"?'),
        (("protect", "contract.yaml", "secret/place"), "1 argument too many"),
        (("--json", "check", "contract.yaml"), '"--json" goes after the verb'),
        (("schema", "contracts"), 'no such choice; did you mean "contract"?'),
        (("protct",), 'there is no such verb; did you mean "protect"?'),
        (("audit", "verfy"), 'no such choice; did you mean "verify"?'),
    ],
)  # fmt: skip
def test_a_mistyped_word_is_told_apart(words: tuple[str, ...], said: str, desk: Desk) -> None:
    ran = desk.run(*words)
    assert ran.code == 2
    assert said in ran.text.replace('\\"', '"')
    assert "secret" not in ran.text
    assert desk.left() == set()


def test_another_table_can_be_named(desk: Desk) -> None:
    (desk.folder / "people.csv").rename(desk.folder / "h.csv")
    assert desk.protect().code == 4
    assert desk.protect("--table", "h.csv").code == 0
    assert desk.run("attack", "contract.yaml", "--table", "h.csv", "--release", "small.release").code == 0


def test_a_contract_without_a_table_asks_for_one(desk: Desk) -> None:
    desk.contract("table: {file: people.csv}\n", "")
    ran = desk.protect()
    assert ran.code == 4
    assert "--table" in ran.err
    assert desk.protect("--table", "people.csv").code == 0


def test_the_digest_does_not_hang_on_the_place_of_the_table(desk: Desk) -> None:
    digests = []
    for words in ((), ("--table", "people.csv")):
        desk.protect("--replace", *words)
        digests.append(json.loads((desk.folder / "small.release" / "card.json").read_text())["contract"]["digest"])
    assert digests[0] == digests[1]


def test_no_report(desk: Desk) -> None:
    release(desk)
    assert not (desk.folder / "small.release" / "report.html").exists()
    assert desk.run("open", "small.release").code == 0


def test_a_dry_run_shows_the_same_figures_and_writes_nothing(desk: Desk) -> None:
    rehearsed = json.loads(desk.protect("--dry-run", "--json").out)
    assert desk.left() == set()
    made = json.loads(desk.protect("--json").out)
    for card in (rehearsed, made):
        for passing in ("seconds", "created", "files"):
            del card[passing]
    assert rehearsed == made


@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_the_same_input_gives_the_same_bytes(form: str, desk: Desk) -> None:
    desk.contract("privacy:", f"release: {{format: {form}}}\nprivacy:")
    tables = []
    for place in ("one", "two"):
        # processes of their own, so that no order of a set or of threads can be the same by chance
        with desk.start(
            "protect", "contract.yaml", "--no-learning", "--out", place, PYTHONHASHSEED=place[-1].encode().hex()[:1]
        ) as run:
            run.communicate()
        assert run.returncode == 0
        tables.append((desk.folder / place / f"table.{form}").read_bytes())
    assert tables[0] == tables[1]


def test_junit_says_what_the_card_says(desk: Desk) -> None:
    desk.contract("privacy:", "limits: {highest-risk: 0.01}\nprivacy:")
    assert desk.protect("--junit", "junit.xml").code == 0
    card = json.loads((desk.folder / "small.release" / "card.json").read_text())
    suites = ET.parse(desk.folder / "junit.xml").getroot()
    assert suites.tag == "testsuites"
    assert {case.get("name") for case in suites.iter("testcase")} == {check["what"] for check in card["checks"]}
    assert int(suites.get("failures", "")) == 0
    (desk.folder / "junit.xml").unlink()
    assert desk.run("open", "small.release", "--junit", "junit.xml").code == 0
    assert ET.parse(desk.folder / "junit.xml").getroot().get("tests") == str(len(card["checks"]))


def test_a_limit_that_is_enforced_ends_in_an_error(desk: Desk) -> None:
    desk.contract("privacy:", "limits: {highest-risk: 0.01, enforce: [highest-risk]}\nprivacy:")
    ran = desk.protect()
    assert ran.code == 6
    assert "error[P431]" in ran.err
    assert "highest risk of re-identification: " in ran.err
    assert desk.left() == set()


JOIN = """steps:
  - {step: drop-rows, column: town, when: is-null}
  - {step: enrich, table: {file: h.csv}, on: town, columns: {zone: {role: quasi-identifier}}}
"""


@pytest.mark.parametrize(
    ("table", "code", "words"),
    [("", "T209", "the table's file does not exist"), ("town,area\na,b\n", "T201", 'the table has no column "zone"')],
)
def test_a_table_to_join_is_told_from_the_main_one(desk: Desk, table: str, code: str, words: str) -> None:
    desk.contract("privacy:", JOIN + "privacy:")
    if table:
        desk.write("h.csv", table)
    ran = desk.protect()
    assert ran.code == 4
    assert f"error[{code}]: step enrich, the table to join: {words}" in ran.err
    assert re.search(r"contract  contract\.yaml:13:\d+  steps\.1\.table", ran.err)


# -- terminals

IMPATIENT = (
    "import sys, jalousie.report.progress as p; p.PATIENCE = 0.0\n"
    "from jalousie.cli import main; sys.exit(main(sys.argv[1:]))"
)


def on_terminal(desk: Desk, *words: str, bar_on_terminal: bool = True, **environment: str) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of a command whose output is a terminal; the bar without its second."""
    out, out_end = pty.openpty()
    err, err_end = pty.openpty() if bar_on_terminal else os.pipe()
    keep = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, *words],
        cwd=desk.folder,
        env={**keep, "TERM": "xterm", **environment},
        stdin=subprocess.DEVNULL,
        stdout=out_end,
        stderr=err_end,
    )
    os.close(out_end)
    os.close(err_end)
    os.set_blocking(out, False)
    os.set_blocking(err, False)
    said = {out: b"", err: b""}
    ended = False
    while not ended:
        ended = process.poll() is not None
        for end in said:
            try:
                while part := os.read(end, 65536):
                    said[end] += part
            except OSError:  # nothing now, or the other side is closed
                pass
        time.sleep(0.01)
    os.close(out)
    os.close(err)
    return process.returncode, said[out], said[err]


def test_a_terminal_gets_colour_and_a_bar(desk: Desk) -> None:
    code, out, err = on_terminal(desk, "protect", "contract.yaml", "--no-learning")
    assert code == 0, err
    assert ANSI.search(out)
    shares = [int(share) for share in re.findall(rb"(\d+)%", err)]
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert b"release written to small.release" in err.split(b"\x1b[K")[-1], "the bar is gone when the rest is said"


def test_no_color(desk: Desk) -> None:
    code, out, err = on_terminal(desk, "protect", "contract.yaml", "--no-learning", NO_COLOR="1")
    assert code == 0, err
    assert not ANSI.search(out)
    assert not ANSI.search(err)
    assert b"-----" in err, "the bar is there without its colour"


def test_a_pipe_gets_neither(desk: Desk) -> None:
    code, _, err = on_terminal(desk, "protect", "contract.yaml", "--no-learning", bar_on_terminal=False)
    assert code == 0, err
    written, told = err.strip().splitlines()
    assert written == b"release written to small.release"
    assert told.startswith(b"tell the ML party by another way, the card is sha256:")
    ran = desk.run("open", "small.release")
    assert not ANSI.search(ran.text.encode())


def test_json_on_a_terminal_has_no_colour(desk: Desk) -> None:
    code, out, _ = on_terminal(desk, "protect", "contract.yaml", "--no-learning", "--json")
    assert code == 0
    json.loads(out)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_lacks_a_character_still_gets_the_rest(encoding: str, desk: Desk) -> None:
    release(desk)
    done = subprocess.run(
        desk.command("open", "small.release"),
        cwd=desk.folder,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "pass" in done.stdout.decode(encoding)


# -- pipes and signals


@pytest.mark.parametrize("words", [("schema", "contract"), ("open", "small.release"), ("schema", "errors", "--json")])
def test_a_reader_may_leave(words: tuple[str, ...], desk: Desk) -> None:
    release(desk)
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(desk.command(*words), cwd=desk.folder, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    _, err = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "rror" not in err


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_streams_may_be_closed(closed: str, desk: Desk) -> None:
    command = " ".join(desk.command("protect", "contract.yaml", "--no-learning", "--json"))
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], cwd=desk.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert desk.run("open", "small.release").code == 0


ENDED = (
    "import os, signal, sys; from jalousie.cli import run; number, seconds = int(sys.argv.pop(1)), float(sys.argv.pop(1))\n"
    "signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), number))\n"
    "signal.setitimer(signal.ITIMER_PROF, seconds); run()"
)


def interrupt(desk: Desk, number: int, seconds: float, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of a command that gets a signal (0: none) after so many seconds of its own work.

    They are counted by the processor's clock: what else the machine does moves the signal to no other place.
    """
    words = ("protect", "contract.yaml", "--no-learning", "--replace")
    done = subprocess.run(
        [sys.executable, "-c", ENDED, str(number), str(seconds), *words],
        cwd=desk.folder,
        env={**os.environ, "JALOUSIE_HOME": str(desk.folder / "home"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def seconds_of_children() -> float:
    """Of the processor's time, by all that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_signals_end_politely(desk: Desk) -> None:
    """Ctrl-C, and what a service manager or a closed terminal sends: no trace of rows stays on the disk, at any moment."""
    spill = desk.folder / "h.csv"  # a name that the desk knows
    spill.mkdir()
    before = seconds_of_children()
    assert interrupt(desk, 0, 0.0, TMPDIR=str(spill))[0] == 0
    whole = seconds_of_children() - before
    seen: dict[int, int] = {}
    for i, number in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGHUP) * 4):
        code, err = interrupt(desk, number, whole * (0.4 + 0.6 * i / 11), TMPDIR=str(spill))
        seen[code] = seen.get(code, 0) + 1
        assert "rror[" not in err
        assert code in (130, 0), err
        if code == 130:
            assert err.endswith("interrupted; what was not finished was not written\n")
        assert [path.name for path in spill.iterdir()] == []
        assert desk.left() <= {"small.release", "home"}
    assert seen.get(130, 0) >= 3, seen


def test_no_rows_of_a_killed_engine_stay_for_long(desk: Desk) -> None:
    """What cannot be caught leaves spilled rows behind; the next command of the same user removes them."""
    from jalousie.tables.folder import SPILL

    dead, foreign = desk.folder / f"{SPILL}dead", desk.folder / "else"
    for place in (dead, foreign):
        place.mkdir()
        (place / "rows").write_text("raw")
    with desk.start("protect", "contract.yaml", "--no-learning", TMPDIR=str(desk.folder)) as process:
        process.communicate()
    assert process.returncode == 0
    assert not dead.exists()
    assert foreign.exists()


def test_help_is_short_and_complete(desk: Desk) -> None:
    for verb in VERBS:
        with pytest.raises(SystemExit) as caught:
            desk.run(verb, "--help")
        assert caught.value.code == 0


def test_every_verb_is_on_the_page_of_the_reference() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md").read_text()
    assert list(re.findall(r"^## `jalousie (\w+)`$", page, re.MULTILINE)) == list(VERBS)


def unfinished(**_: Any) -> None:
    raise KeyError("a cell")


def test_a_fault_of_ours_names_its_place_and_nothing_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import jalousie.architectures.share as share

    monkeypatch.setattr(share, "describe", lambda *_, **more: unfinished(**more))
    ran = desk.protect()
    assert ran.code == 70
    assert "error[X900]: a fault of Jalousie: KeyError at share.py:" in ran.err
    assert "a cell" not in ran.text
    assert desk.left() == set()
