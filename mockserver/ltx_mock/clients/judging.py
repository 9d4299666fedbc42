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
_AT_ONCE: Final = 100
_AT_ONCE_FOR_REAL: Final = 5
_GROWTH: Final = 1.2
_LISTED: Final = 20
_ENDS: Final = ("success", "failed")
_PASSING: Final = frozenset({429, 500, 502, 503, 504})


class Bench:
    """Where one story is judged, and what was found is written down."""

    def __init__(self, story: Story, ledger: Ledger) -> None:
        self.story = story
        self._ledger = ledger
        self.broken: set[str] = set()

    def saw(self, *rules: str) -> None:
        """Note that these rules could be judged."""
        self._ledger.saw(*rules)

    def wrong(self, rule: str, title: str, *about: Exchange, expected: str, actual: str) -> None:
        """Note a departure; it was seen in these exchanges."""
        self.saw(rule)
        self.broken.add(rule)
        numbers = tuple(each.number for each in about[:_LISTED])
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
    strangers = any("generateTask" in each.target for each in story.strangers)
    if not story.tasks and not story.of("generateTask") and not strangers:
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
        # How soon it tries again after a poll that failed is a matter of CLI-6.
        if not _fails(one) and not story.timing.enough(two.at - one.at, _POLL):
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
    # Who asks wrongly gets nothing: that is no second finding.
    hidden = "CLI-1" in bench.broken
    if story.case.end == "result" and not story.ran.well and not hidden:
        title, expected = f"it has no video, though it could: {story.case.about}", "the video"
        bench.wrong(story.case.rules[0], title, expected=expected, actual=story.ran.how)
    if story.case.end == "failure":
        bench.saw("CLI-5")
        if story.ran.well and not _got_a_result(story) and (story.requests or story.strangers):
            rule = "CLI-4" if "CLI-4" in story.case.rules else "CLI-5"
            title, expected = "a failure is taken for a result", "that it says there is no video"
            bench.wrong(rule, title, *story.requests[-1:], expected=expected, actual=story.ran.how)
        elif story.case.says is not None and story.case.says not in story.ran.output and not hidden:
            title, expected = "the failCode is not told", show(story.case.says)
            actual = show(story.ran.output.strip()[-60:])
            bench.wrong("CLI-5", title, *story.requests[-1:], expected=expected, actual=actual)
    happened = any(each.cause is not None for each in (*story.requests, *story.downloads))
    if happened and story.case.end in {"either", "result" if story.ran.well else "failure"}:
        bench.saw(*{"CLI-6", "CLI-9"}.intersection(story.case.rules))


def _has_the_result(bench: Bench, story: Story) -> None:
    ended = [task for task in story.tasks if task.state == "success"]
    if not story.ran.well or story.case.end == "failure" or not ended:
        return
    bench.saw("CLI-4")
    if _got_a_result(story):
        return
    if not story.fetches:
        title, expected = "it returns what is not the URL of the result", str(ended[0].result_url)
        bench.wrong("CLI-4", title, expected=expected, actual=f"it {story.ran.how}")
    else:
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
    if len(story.downloads) > _HAMMERING:
        _hammers(bench, story.downloads)


def _judge_waits(bench: Bench, story: Story, run: Sequence[Exchange]) -> None:
    """Judge the tries that begin with one that failed and go on until one does not."""
    if len(run) < 2:
        return
    bench.saw("CLI-6")
    waits = [two.at - one.at for one, two in pairwise(run)]
    if len(run) > _HAMMERING:
        _hammers(bench, run)
        return
    if not story.timing.shows_waits:
        return
    for one, two in pairwise(run):
        asked = one.retry_after * 1000
        if asked and not story.timing.enough(two.at - one.at, asked):
            title, expected = "it tries again sooner than Retry-After says", f"after {_seconds(asked)}, or later"
            bench.wrong("CLI-6", title, one, two, expected=expected, actual=f"after {_seconds(two.at - one.at)}")
            return
    at_once = max(_AT_ONCE, _AT_ONCE_FOR_REAL * (story.timing.scale or 1))
    if len(waits) > 1 and max(waits) < at_once:
        _hammers(bench, run)
    # Who waits as long as the answer says does well, though that is the same each time. What is drawn at random
    # around a growing wait may come out smaller once; that nothing is longer than the first wait is no chance.
    elif len(waits) > 2 and not any(each.retry_after for each in run) and max(waits[1:]) <= waits[0] * _GROWTH:
        title, expected = "its waits between tries do not grow", "each longer than the one before"
        bench.wrong("CLI-6", title, *run, expected=expected, actual=", ".join(map(_seconds, waits[:_LISTED])))


def _hammers(bench: Bench, tries: Sequence[Exchange]) -> None:
    title, expected = "it hammers", "a few tries, ever further apart"
    actual = f"{len(tries)} tries in a row in {_seconds(tries[-1].at - tries[0].at)}"
    bench.wrong("CLI-6", title, tries[0], tries[-1], expected=expected, actual=actual)


def _asks_to_be_called(bench: Bench, story: Story) -> None:
    if story.case.callback and story.tasks and not story.deliveries:
        title, expected = "it asks for no callback", "request_type callback, and a callback_url"
        bench.wrong("CLI-8", title, *story.of("generateTask")[:1], expected=expected, actual="a task that calls nobody")


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
        wrong = attempt.status != 200 if attempt.status is not None or story.deaf else late
        if wrong or late:
            title, expected = "a callback is not taken", "200 within 30 s"
            actual = f"{attempt.status or attempt.error} after {_seconds(attempt.ended - attempt.at)}"
            bench.wrong("CLI-8", title, expected=expected, actual=actual)
            return
    whole = [each for each in story.downloads if _is_whole(each)]
    if len(story.deliveries) > 1 and len(whole) > 1:
        title, expected = "a callback that comes twice makes it do the work twice", "one download"
        bench.wrong("CLI-8", title, *whole[:2], expected=expected, actual=f"{len(whole)} downloads")


_LOOKS: Final[tuple[Callable[[Bench, Story], None], ...]] = (
    _asks_for_a_video,
    _asks_to_be_called,
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
        fails = _fails(each)
        if fails and not failing:
            runs.append([each])
        failing = fails
    return runs


def _fails(exchange: Exchange) -> bool:
    """Tell whether an answer is one of those that may pass, or none came."""
    return exchange.status is None or exchange.status in _PASSING


def _got_a_result(story: Story) -> bool:
    """Tell whether a client has fetched a result whole or, where it fetches none itself, returned its URL."""
    if story.fetches:
        return any(_is_whole(each) for each in story.downloads)
    urls = [task.result_url for task in story.tasks if task.state == "success"]
    return (story.ran.url or "").partition("?")[0] in urls


def _is_whole(download: Exchange) -> bool:
    sent: Any = download.answer
    return download.status in {200, 206} and isinstance(sent, dict) and sent.get("sent") == sent.get("size")


def _download(download: Exchange) -> str:
    sent: Any = download.answer if isinstance(download.answer, dict) else {}
    return f"{download.status}, {sent.get('sent', 0)} of {sent.get('size', 0)} bytes"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"
