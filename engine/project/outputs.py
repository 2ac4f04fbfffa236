"""Whether what a run writes to `outputs/` belongs to the history: as its configuration and its submission say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.runs.model import RunPlan


def not_kept(plan: RunPlan | None) -> str:
    """Why the outputs are not kept, in words; "" when they are."""
    if plan is None:
        return ""
    if not plan.tracked:
        return "the run is untracked (`-u`, or `TrackedRun: false`), its outputs and metrics are not kept"
    if plan.options.get("outputCollection") is False:
        return "its configuration has `outputCollection: false`, its outputs are not kept"
    return ""
