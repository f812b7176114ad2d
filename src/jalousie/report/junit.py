"""The verdicts as JUnit XML, so that a pipeline can stop on a release that does not keep its contract."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from jalousie.privacy.card import Card, Check
from jalousie.report.words import clean, sentence


def render_junit(card: Card) -> str:
    """One test case a check: FAIL is a failure, WARN and INFO pass with a note in `system-out`.

    A card without checks is judged by its models and attacks. Times are those of all stages together, CPU seconds.
    """
    checks = card.checks or _unchecked(card)
    failures = sum(check.verdict == "FAIL" for check in checks)
    totals = {
        "name": clean(card.contract.name),
        "tests": str(len(checks)),
        "failures": str(failures),
        "errors": "0",
        "time": f"{sum(card.seconds.values()):.3f}",
    }
    root = ET.Element("testsuites", totals)
    suite = ET.SubElement(root, "testsuite", {**totals, "skipped": "0"})
    for check in checks:
        case = ET.SubElement(
            suite,
            "testcase",
            {"classname": f"jalousie.{clean(card.contract.name)}", "name": clean(check.what), "time": "0"},
        )
        told = sentence(check.sentence)
        if check.verdict == "FAIL":
            ET.SubElement(case, "failure", {"type": "FAIL", "message": told}).text = told
        elif check.verdict != "PASS":
            ET.SubElement(case, "system-out").text = f"{check.verdict}: {told}"
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _unchecked(card: Card) -> tuple[Check, ...]:
    models = (
        Check(verdict=m.verdict, what=" ".join(filter(None, [m.model, m.column])), sentence=m.sentence)
        for m in card.models
    )
    attacks = (
        Check(verdict=a.verdict, what=" ".join(filter(None, [a.attack, a.column])), sentence=a.sentence)
        for a in card.attacks
    )
    return (*models, *attacks)
