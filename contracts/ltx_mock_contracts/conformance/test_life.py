"""The life of a task: its states in order, what each tells, how long it takes, and what comes of it (TASK)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from ltx_mock_contracts.conformance.bodies import MODES, RESOLUTIONS, plain, with_files
from ltx_mock_contracts.conformance.checks import Need, check
from ltx_mock_contracts.conformance.following import lived
from ltx_mock_contracts.conformance.results import fetched, judge_result, result_url

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam

DAY: Final = 24 * 3600
NOBODYS: Final = ("task_12345678", "task_abc123xyz789", "task_", "0", "../task", "é", "task_" + "0" * 200, "null")
LIFE: Final = ("GEN-9", "GEN-10", "GEN-17", "TASK-1", "TASK-2", "TASK-3", "TASK-4", "TASK-5", "TASK-8")


def _needs(mode: str) -> list[Need]:
    return [] if mode == "text-to-video" else ["callbacks"]


@pytest.mark.parametrize(
    ("mode", "resolution"),
    [
        pytest.param(mode, size, marks=check(*LIFE, tasks=1, rank=number, needs=_needs(mode)), id=f"{mode} {size}")
        for number, (size, mode) in enumerate((size, mode) for size in RESOLUTIONS for mode in MODES)
    ],
)
def test_life(exam: Exam, mode: str, resolution: str) -> None:
    body = plain(mode, resolution=resolution)
    body = with_files(exam, body) if _needs(mode) else body
    end = lived(exam, body)
    judge_result(exam, end, body)


@pytest.mark.parametrize("ratio", [None, "16:9", "9:16"])
@check("GEN-10", "GEN-11", "TASK-10", tasks=1)
def test_picture(exam: Exam, ratio: str | None) -> None:
    body = plain(duration=6, **({} if ratio is None else {"aspect_ratio": ratio}))
    judge_result(exam, lived(exam, body), body)


@check("GEN-17", tasks=3, rank=7)
def test_each_task_has_an_id_of_its_own(exam: Exam) -> None:
    for _ in range(3):
        exam.submit(plain())


@check("TASK-9", tasks=2, rank=2)
def test_same_seed_same_result(exam: Exam) -> None:
    body = plain(seed=12345)
    ends = [lived(exam, body) for _ in range(2)]
    urls = [result_url(end) for end in ends]
    if urls[0] != urls[1]:
        first, second = (fetched(exam, end, url) for end, url in zip(ends, urls, strict=True))
        if first.body != second.body:
            title = "the same seed, prompt and parameters give another result"
            exam.depart("TASK-9", title, *ends, expected=f"as at {urls[0]}", actual=f"another video at {urls[1]}")
    exam.saw("TASK-9")


@check("TASK-10", tasks=1, needs=["world"])
def test_result_works_for_fifteen_days(exam: Exam) -> None:
    body = plain()
    end = lived(exam, body)
    judge_result(exam, end, body)
    exam.world.wait(DAY - 2 * 3600)
    judge_result(exam, end, body)
    exam.world.wait(14 * DAY)
    reply = exam.world.fetch(result_url(end))
    if reply.status != 200:
        title, actual = "a result does not last for 15 days, though for a day", f"{reply.status} after 14 days 22 hours"
        exam.depart("TASK-10", title, end, expected="200 and a video", actual=actual, binding=False)


@check("TASK-12", tasks=1, needs=["world"])
def test_asking_changes_nothing(exam: Exam) -> None:
    task_id = exam.submit(plain())
    for seconds in (0, 5, 20, 60):
        exam.world.wait(seconds)
        looks = [exam.world.status(task_id) for _ in range(3)]
        exam.saw("TASK-12")
        for look in looks[1:]:
            if look.answer != looks[0].answer:
                title, expected = "a status changed though no time passed", json.dumps(looks[0].answer)
                exam.depart("TASK-12", title, looks[0], look, expected=expected, actual=json.dumps(look.answer))


@check("TASK-11")
def test_no_task_id(exam: Exam) -> None:
    exam.refused(exam.world.status(None), 400, "TASK-11", "statusTask without taskId is not refused with 400")


@pytest.mark.parametrize("task_id", NOBODYS)
@check("TASK-11")
def test_unknown_task(exam: Exam, task_id: str) -> None:
    exam.refused(exam.world.status(task_id), 404, "TASK-11", "a taskId that nobody made is not answered with 404")


@check("TASK-11", tasks=1, rank=7)
def test_nearly_a_task(exam: Exam) -> None:
    task_id = exam.submit(plain())
    for near in (f"{task_id}0", task_id[:-1], f" {task_id}"):
        exchange = exam.world.status(near)
        exam.refused(exchange, 404, "TASK-11", "a taskId that nobody made is not answered with 404")
