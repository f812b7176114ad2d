"""The adversaries: each tries to break a promise, and says how far it got with the protection off and on."""

from __future__ import annotations

from jalousie.attacks.attribute import infer_attribute
from jalousie.attacks.link import link_halves
from jalousie.attacks.matching import Written, written_by
from jalousie.attacks.reidentify import reidentify
from jalousie.attacks.single_out import single_out

__all__ = ["Written", "infer_attribute", "link_halves", "reidentify", "single_out", "written_by"]
