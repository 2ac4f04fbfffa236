"""A person who looks at an attempt to reach a machine, and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.engine import Engine


async def looked(engine: Engine, attempt: str, answers: dict[str, str | None] | None = None) -> dict[str, Any]:
    """Look until it is over, answering by the kind of question; the questions are in "asked" then."""
    seen, asked = 0, []
    while True:
        told = await engine.look(attempt, seen)
        seen = told["serial"]
        question = told["question"]
        if question is not None:
            asked.append(question)
            engine.answer(attempt, question["id"], (answers or {}).get(question["kind"]), False)
        elif told["state"] not in ("working", "asking"):
            return {**told, "asked": asked, "by": {step["name"]: step for step in told["steps"]}}
