"""Who could be singled out (`risk`), and what a class gives away without singling anybody out (`disclosure`)."""

from jalousie.privacy.risk.disclosure import class_sizes, disclosure, disclosures
from jalousie.privacy.risk.population import PitmanModel, fit_pitman
from jalousie.privacy.risk.reidentification import risk

__all__ = ["PitmanModel", "class_sizes", "disclosure", "disclosures", "fit_pitman", "risk"]
