"""Who runs next, and why the others wait."""

from __future__ import annotations

from engine.runs.queue import Place, Waiting, choose

LOCAL = Place("local", "local")


def waiting(name: str, project: str = "iris", priority: int = 0, since: float = 0.0, slots: int = 2) -> Waiting:
    return Waiting(name, LOCAL, project, priority, since, slots)


def test_first_come_first_served() -> None:
    choice = choose([waiting("b", since=2), waiting("a", since=1), waiting("c", since=3)], {}, LOCAL)
    assert choice.grants == ("a", "b")
    assert choice.reasons == {"c": "waits for a free slot on local (2 of 2 busy), next in line"}


def test_priority_goes_first() -> None:
    choice = choose([waiting("a", since=1), waiting("b", since=2, priority=5)], {"x": "iris"}, LOCAL)
    assert choice.grants == ("b",)


def test_a_sweep_does_not_hold_up_another_project() -> None:
    sweep = [waiting(f"s{n}", since=n) for n in range(10)]
    other = waiting("other", project="mnist", since=99)
    choice = choose([*sweep, other], {"running": "iris"}, LOCAL)
    assert choice.grants == ("other",)
    assert choice.reasons["s1"].endswith("1 ahead of it")


def test_more_than_slots_at_work_grants_nothing() -> None:
    choice = choose([waiting("a")], {"x": "p", "y": "p", "z": "p"}, LOCAL)
    assert choice.grants == ()
    assert "3 of 2 busy" in choice.reasons["a"]


def test_each_target_has_slots_of_its_own() -> None:
    """Also where several are on one host: a target of one slot does not starve beside a busy one of four."""
    single = Place("local", "single")
    choice = choose([Waiting("a", single, "iris", 0, 0, 1), waiting("b", since=1)], {}, single)
    assert choice.grants == ("a",)
    choice = choose([Waiting("a", single, "iris", 0, 0, 1)], {"x": "iris"}, single)
    assert choice.reasons == {"a": "waits for a free slot on single (1 of 1 busy), next in line"}
    assert choose([Waiting("a", Place("gpu", "local"), "iris", 0, 0, 1)], {}, LOCAL).grants == ()
