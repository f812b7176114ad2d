"""Steps of a contract that change the raw table before (or beside) generalisation.

`apply_step` carries out one step, `apply_steps` several; `columns_after` says what the columns are afterwards.
"""

from jalousie.privacy.steps.apply import apply_step, apply_steps
from jalousie.privacy.steps.context import StepContext, columns_after, table_name

__all__ = ["StepContext", "apply_step", "apply_steps", "columns_after", "table_name"]
