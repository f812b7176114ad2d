"""How much detail a recoding leaves."""

from jalousie.privacy.quality.measures import quality

__all__ = ["quality"]
