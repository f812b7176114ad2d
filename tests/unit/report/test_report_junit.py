"""JUnit XML as pipelines read it (the schema of Jenkins: which elements and attributes there are, and in which place)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec
from card_fixture import adult_card, bare_card

from jalousie.privacy.card import Check
from jalousie.report import render_junit

ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "time", "tests", "failures", "errors", "skipped"}, {"testcase"}),
    "testcase": ({"name", "classname", "time"}, {"failure", "system-out"}),
    "failure": ({"message", "type"}, set()),
    "system-out": (set(), set()),
}


def _read(text: str) -> ET.Element:
    root = ET.fromstring(text)
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
    return root


def test_one_case_a_check() -> None:
    card = adult_card()
    failing = Check(verdict="FAIL", what="highest <risk>", sentence="it is 1 in 4 & not 1 in 5")
    root = _read(render_junit(msgspec.structs.replace(card, checks=(*card.checks, failing))))
    cases = root.findall("./testsuite/testcase")
    assert [case.get("name") for case in cases] == [check.what for check in (*card.checks, failing)]
    assert [case.get("name") for case in cases if case.find("failure") is not None] == ["highest <risk>"]
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == failure.text == "It is 1 in 4 & not 1 in 5."
    notes = [case.findtext("system-out", "")[:5] for case in cases if case.find("system-out") is not None]
    assert notes == ["WARN:", "INFO:"]
    for level in (root, root[0]):
        assert (level.get("tests"), level.get("failures"), level.get("errors")) == ("8", "1", "0")


def test_without_checks_the_models_and_attacks_are_judged() -> None:
    card = msgspec.structs.replace(adult_card(), checks=())
    names = [case.get("name") for case in _read(render_junit(card)).iter("testcase")]
    assert "t-closeness occupation" in names
    assert "re-identification" in names


def test_a_bare_card_has_an_empty_suite() -> None:
    assert _read(render_junit(bare_card()))[0].get("tests") == "0"


def test_control_characters_do_not_break_the_file() -> None:
    check = Check(verdict="FAIL", what="a\x00b\x1b", sentence="\ud800 and \ufffe")
    _read(render_junit(msgspec.structs.replace(adult_card(), checks=(check,))).encode().decode())
