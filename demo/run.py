"""`make demo`: architectures 1.A and 2.A on real data, every figure computed now.

The records are UCI Adult (32,561 people of the 1994 US census) and 27,178 restaurant inspections of a city. For each: look at the
table, check the contract, protect, attack the release and the raw table, learn from both, open the release as the ML party would.
Then no data leaves at all: questions, answers, a learning curve, attackers and an auditor (`feedback.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import feedback

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / ".demo"
WIDTH = 78


def say(text: str = "") -> None:
    print(text, flush=True)


def run(*words: str) -> str:
    """Run the command line as a user would and show the command."""
    say(f"\n$ jalousie {' '.join(words)}")
    done = subprocess.run(
        [sys.executable, "-m", "jalousie", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def inspect(file: str) -> None:
    found = json.loads(run("inspect", file, "--json"))
    say(f"  {found['rows']:,} rows, {len(found['columns'])} columns")
    for entry in found["singling-out"][:3]:
        share, known = percent(entry["unique-rows"]), ", ".join(entry["columns"])
        say(f"  {share:>7} of the rows are one of a kind to somebody who knows {known}")


def protect(contract: str, out: str) -> dict[str, object]:
    card = json.loads(run("protect", contract, "--out", out, "--replace", "--json"))
    before, after = card["risk-before"], card["risk-after"]
    rows = [
        ("rows released", f"{card['rows-in']:,}", f"{card['rows-out']:,}"),
        ("rows that are one of a kind", percent(before["sample-uniques"]), percent(after["sample-uniques"])),
        (
            "highest risk of re-identification",
            percent(before["highest-prosecutor"]),
            percent(after["highest-prosecutor"]),
        ),
    ]
    for attack in card["attacks"]:
        name = f"attack: {attack['attack']}" + (f" of {attack['column']}" if attack["column"] else "")
        rows.append((name, percent(attack["raw-success"]), percent(attack["release-success"])))
        if attack["stranger"] is not None:
            rows.append(("  a stranger's guess, without the data", percent(attack["stranger"]), ""))
    for facts in card["disclosure-after"]:
        rows.append((f"rows whose {facts['column']} is certain from the class", "", percent(facts["certain-share"])))
    if card["learning"] is not None:
        for learner in card["learning"]["learners"]:
            name = f"{learner['metric'].upper()} of {learner['learner']} for {card['learning']['target']}"
            rows.append((name, f"{learner['raw']:.3f}", f"{learner['release']:.3f}"))
    say(f"  {'':<{WIDTH - 26}}{'raw':>12}{'release':>12}")
    for name, raw, release in rows:
        say(f"  {name:<{WIDTH - 26}}{raw:>12}{release:>12}")
    seconds = sum(card["seconds"].values())
    say(f"  {seconds:.1f} s of processor time, {card['seconds']['search']:.2f} s of it for the search")
    return dict(card)


def learn(release: str) -> None:
    """The ML party's side: a release in Python, and a model that predicts on raw rows."""
    say("\n# the ML party, in Python")
    code = (
        "from jalousie import Release\n"
        f"release = Release.load({release!r})\n"
        "encoder = release.encoder()\n"
        "frame = release.to_pandas()\n"
        "X, y = encoder.fit_resample(frame.drop(columns='salary-class'), frame['salary-class'])\n"
        "print(release, '-> features', X.shape)\n"
    )
    for line in code.strip().splitlines():
        say(f">>> {line}")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    say("  " + done.stdout.strip())


def main() -> None:
    start = time.monotonic()
    OUT.mkdir(exist_ok=True)
    for title, file, name in (
        ("1. The census: who earns more than 50,000 dollars?", ".data/adult.csv", "adult"),
        ("2. A city's restaurant inspections", ".data/restaurants.csv", "restaurants"),
    ):
        say(f"\n{title}\n{'=' * len(title)}")
        inspect(file)
        run("check", f"demo/{name}.yaml")
        protect(f"demo/{name}.yaml", f".demo/{name}.release")
        run("open", f".demo/{name}.release")
        say(f"  report: .demo/{name}.release/report.html")
    learn(".demo/adult.release")
    title = "3. The same people, and no data leaves: questions and answers"
    say(f"\n{title}\n{'=' * len(title)}")
    feedback.main()
    say(f"\nAll of it in {time.monotonic() - start:.0f} s.")


if __name__ == "__main__":
    main()
