"""Jalousie: collaborate on data that cannot be handed over."""

from __future__ import annotations

__version__ = "0.1.0"
