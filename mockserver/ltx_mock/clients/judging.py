"""What was wrong with a client, judged from what it asked and when, never from guesses about its insides."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.findings import show
from ltx_mock_contracts.validation import validate_request
from ltx_mock_contracts.verdicts import Departure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ltx_mock.clients.story import Story
    from ltx_mock.seen import Exchange
    from ltx_mock_contracts.verdicts import Ledger

__all__ = ["judge"]

_FIRST_POLL: Final = 60_000
_POLL: Final = 5_000
_RECEIVER: Final = 30_000
_HAMMERING: Final = 30
_ENDS: Final = ("success", "failed")
_PASSING: Final = frozenset({429, 500, 502, 503, 504})


class Bench:
    """Where one story is judged, and what was found is written down."""

    def __init__(self, story: Story, ledger: Ledger) -> None:
        self.story = story
        self._ledger = ledger

    def saw(self, *rules: str) -> None:
        """Note that these rules could be judged."""
        self._ledger.saw(*rules)

    def wrong(self, rule: str, title: str, *about: Exchange, expected: str, actual: str) -> None:
        """Note a departure; it was seen in these exchanges."""
        self.saw(rule)
        numbers = tuple(each.number for each in about)
        body = about[-1].body if about else None
        case = (self.story.case.name,)
        self._ledger.depart(
            Departure(
                rule=rule, title=title, expected=expected, actual=actual, exchanges=numbers, request=body, checks=case
            )
        )


def judge(story: Story, ledger: Ledger) -> None:
    """Write down what one story shows of the rules CLI-1 to CLI-9."""
    bench = Bench(story, ledger)
    for look in _LOOKS:
        look(bench, story)


def _asks_for_a_video(bench: Bench, story: Story) -> None:
    bench.saw("CLI-1")
    if not story.of("generateTask") and not any("generateTask" in each.target for each in story.strangers):
        expected, actual = "a generateTask", f"{len(story.requests)} other requests; it {story.ran.how}"
        bench.wrong("CLI-1", "the client did not ask for a video", expected=expected, actual=actual)


def _has_its_key(bench: Bench, story: Story) -> None:
    for each in story.strangers:
        title, expected = "a request comes without the key", "Authorization: Bearer and the key"
        bench.wrong("CLI-1", title, each, expected=expected, actual=str(each))


def _asks_rightly(bench: Bench, story: Story) -> None:
    for each in story.of("generateTask"):
        for finding in validate_request(each.body):
            title = f"a request goes against {finding.rule}: {finding.message}"
            bench.wrong("CLI-1", title, each, expected=finding.allowed, actual=finding.got)
    for each in story.requests:
        if each.cause is None and each.operation in {"statusTask", "other"} and each.status in {400, 404, 405}:
            title, expected = "a request asks for what there is not", "the endpoints, and the id of its task"
            bench.wrong("CLI-1", title, each, expected=expected, actual=str(each))


def _waits_before_it_polls(bench: Bench, story: Story) -> None:
    made = [each for each in story.of("generateTask") if each.status == 200]
    polls = story.of("statusTask")
    if not story.timing.shows_waits or not made or not polls:
        return
    bench.saw("CLI-2")
    waited = polls[0].at - made[0].at
    if not story.timing.enough(waited, _FIRST_POLL):
        title, expected = "the first poll comes too soon", "60 s after the submission, or later"
        bench.wrong("CLI-2", title, made[0], polls[0], expected=expected, actual=f"after {_seconds(waited)}")
    for one, two in pairwise(polls):
        if not story.timing.enough(two.at - one.at, _POLL):
            title, expected = "polls come too fast", "5 s apart, or more"
            bench.wrong("CLI-2", title, one, two, expected=expected, actual=_seconds(two.at - one.at))
            return


def _stops_at_the_end(bench: Bench, story: Story) -> None:
    polls = story.of("statusTask")
    end = next((index for index, each in enumerate(polls) if _tells_the_end(each)), None)
    if end is None:
        return
    bench.saw("CLI-3")
    if polls[end + 1 :]:
        title, expected = "it polls on after the end", f"no poll after {polls[end].state}"
        actual = f"{len(polls) - end - 1} more"
        bench.wrong("CLI-3", title, polls[end], polls[end + 1], expected=expected, actual=actual)


def _ends(bench: Bench, story: Story) -> None:
    if not story.ran.ended:
        rule = "CLI-3" if story.case.name == "stuck" else story.case.rules[0]
        expected = "that it gives up in the end" if story.case.end == "failure" else "that it ends"
        bench.wrong(rule, "the client does not end", expected=expected, actual=story.ran.how)
    elif story.case.name == "stuck":
        bench.saw("CLI-3")


def _says_how_it_went(bench: Bench, story: Story) -> None:
    if not story.ran.ended:
        return
    if story.case.end == "result" and not story.ran.well:
        title, expected = f"it has no video, though it could: {story.case.about}", "the video"
        bench.wrong(story.case.rules[0], title, expected=expected, actual=story.ran.how)
    if story.case.end == "failure":
        bench.saw("CLI-5")
        if story.ran.well:
            title, expected = "a failure is taken for a result", "that it says there is no video"
            bench.wrong("CLI-5", title, *story.requests[-1:], expected=expected, actual=story.ran.how)
        elif story.case.says is not None and story.case.says not in story.ran.output:
            title, expected = "the failCode is not told", show(story.case.says)
            actual = show(story.ran.output.strip()[-60:])
            bench.wrong("CLI-5", title, *story.requests[-1:], expected=expected, actual=actual)
    if story.ran.well == (story.case.end == "result"):
        bench.saw(*{"CLI-6", "CLI-9"}.intersection(story.case.rules))


def _has_the_result(bench: Bench, story: Story) -> None:
    ended = [task for task in story.tasks if task.state == "success"]
    if not story.ran.well or story.case.end == "failure" or not ended:
        return
    bench.saw("CLI-4")
    if not story.fetches:
        urls = [task.result_url for task in ended]
        if (story.ran.url or "").partition("?")[0] not in urls:
            title, expected = "it returns what is not the URL of the result", f"one of {urls}"
            bench.wrong("CLI-4", title, expected=expected, actual=show(story.ran.url))
    elif not any(_is_whole(each) for each in story.downloads):
        title, expected = "it says that it has the video, and has not fetched it whole", "one whole download"
        actual = "; ".join(_download(each) for each in story.downloads) or "no download"
        bench.wrong("CLI-4", title, *story.downloads[-1:], expected=expected, actual=actual)


def _takes_no_for_an_answer(bench: Bench, story: Story) -> None:
    refused = [each for each in story.requests if each.status in {400, 401}]
    if refused:
        bench.saw("CLI-7")
    if len(refused) > 1:
        title, expected = f"it tries again after {refused[0].status}", "one try"
        bench.wrong("CLI-7", title, *refused[:2], expected=expected, actual=f"{len(refused)} tries")


def _pays_once(bench: Bench, story: Story) -> None:
    asked = story.of("generateTask")
    unknown = next((index for index, each in enumerate(asked) if each.status is None), None)
    if unknown is not None:
        bench.saw("CLI-6")
        if asked[unknown + 1 :]:
            title = "it submits again, though nobody knows whether the task was made"
            expected, actual = "one submission", f"{len(asked)} submissions, {len(story.tasks)} tasks"
            bench.wrong("CLI-6", title, asked[unknown], asked[unknown + 1], expected=expected, actual=actual)
    elif len(story.tasks) > 1:
        title, expected = "more than one task is made for one video", "one task"
        made = [each for each in asked if each.status == 200]
        bench.wrong("CLI-6", title, *made[:2], expected=expected, actual=f"{len(story.tasks)} tasks")


def _waits_longer_each_time(bench: Bench, story: Story) -> None:
    for operation in ("generateTask", "statusTask"):
        for run in _failures(story.of(operation)):
            _judge_waits(bench, story, run)


def _judge_waits(bench: Bench, story: Story, run: Sequence[Exchange]) -> None:
    """Judge the tries that begin with one that failed and go on until one does not."""
    if len(run) < 2:
        return
    bench.saw("CLI-6")
    if len(run) > _HAMMERING:
        title, expected = "it hammers", "a few tries, ever further apart"
        bench.wrong("CLI-6", title, run[0], run[-1], expected=expected, actual=f"{len(run)} tries in a row")
    if not story.timing.shows_waits:
        return
    waits = [two.at - one.at for one, two in pairwise(run)]
    for one, wait in zip(run, waits, strict=False):
        if not story.timing.enough(wait, max(one.retry_after * 1000, 1)) or wait <= 0:
            title, expected = "it tries again too soon", f"after {one.retry_after or 1} s or more"
            bench.wrong("CLI-6", title, one, expected=expected, actual=f"after {_seconds(wait)}")
            return
    if len(waits) > 2 and waits[-1] <= waits[0]:
        title, expected = "its waits between tries do not grow", "each longer than the one before"
        bench.wrong("CLI-6", title, *run, expected=expected, actual=", ".join(map(_seconds, waits)))


def _receives(bench: Bench, story: Story) -> None:
    if story.stray != "none":
        bench.saw("CLI-8")
        if story.stray == "refused":
            title, expected = "a callback for a task that it does not know is not answered with 200", "200"
            bench.wrong("CLI-8", title, expected=expected, actual="another answer, or none")
    attempts = [attempt for delivery in story.deliveries for attempt in delivery.attempts]
    if not attempts:
        return
    bench.saw("CLI-8")
    for attempt in attempts:
        late = attempt.ended - attempt.at > _RECEIVER
        if attempt.status != 200 or late:
            title, expected = "a callback is not taken", "200 within 30 s"
            actual = f"{attempt.status or attempt.error}, after {_seconds(attempt.ended - attempt.at)}"
            bench.wrong("CLI-8", title, expected=expected, actual=actual)
            return
    whole = [each for each in story.downloads if _is_whole(each)]
    if len(story.deliveries) > 1 and len(whole) > 1:
        title, expected = "a callback that comes twice makes it do the work twice", "one download"
        bench.wrong("CLI-8", title, *whole[:2], expected=expected, actual=f"{len(whole)} downloads")


_LOOKS: Final[tuple[Callable[[Bench, Story], None], ...]] = (
    _asks_for_a_video,
    _has_its_key,
    _asks_rightly,
    _waits_before_it_polls,
    _stops_at_the_end,
    _ends,
    _says_how_it_went,
    _has_the_result,
    _takes_no_for_an_answer,
    _pays_once,
    _waits_longer_each_time,
    _receives,
)


def _tells_the_end(exchange: Exchange) -> bool:
    """Tell whether a client could read in an answer that its task has ended."""
    data = exchange.answer.get("data") if isinstance(exchange.answer, dict) else None
    return exchange.status == 200 and isinstance(data, dict) and data.get("state") in _ENDS


def _failures(asked: Sequence[Exchange]) -> list[list[Exchange]]:
    """Return each run of tries that failed in a way that may pass, with the try that came after it."""
    runs: list[list[Exchange]] = []
    failing = False
    for each in asked:
        if failing:
            runs[-1].append(each)
        fails = each.status is None or each.status in _PASSING
        if fails and not failing:
            runs.append([each])
        failing = fails
    return runs


def _is_whole(download: Exchange) -> bool:
    sent: Any = download.answer
    return download.status in {200, 206} and isinstance(sent, dict) and sent.get("sent") == sent.get("size")


def _download(download: Exchange) -> str:
    sent: Any = download.answer if isinstance(download.answer, dict) else {}
    return f"{download.status}, {sent.get('sent', 0)} of {sent.get('size', 0)} bytes"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"
