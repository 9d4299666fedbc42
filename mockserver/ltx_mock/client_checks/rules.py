"""What was wrong with a client, judged from what it asked and when, never from guesses about its insides."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ltx_mock.client_checks.callbacks import asks_to_be_called, receives
from ltx_mock.client_checks.case_judge import (
    Bench,
    asks_for_nothing,
    is_whole,
    message_of,
    met_the_end,
    obscured_by,
    result_urls,
    seconds,
    tells_the_end,
)
from ltx_mock.client_checks.retries import fails_in_passing, pays_once, takes_no_for_an_answer, waits_longer_each_time
from ltx_mock_contracts.polling import FASTEST_SAMPLE_MS, FIRST_POLL_MS, POLL_EVERY_MS
from ltx_mock_contracts.validation import validate_request
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock.client_checks.outcome import Story
    from ltx_mock.control.from_json import Exchange
    from ltx_mock_contracts.verdicts import VerdictCollector

__all__ = ["judge", "waits_in_real_time"]

_CONTROL_FACTOR: Final = 10


def judge(story: Story, collector: VerdictCollector) -> dict[str, str]:
    """Write down what one played case shows of the rules for clients.

    Returns:
        The rules that the case is about and does not show, and why.
    """
    bench = Bench(story, collector)
    if not story.sent:
        title, expected = "the client did not ask for a video", "a generateTask"
        bench.wrong("CLI-1", title, expected=expected, actual=f"it sent nothing, and {_how(story)}")
        return {}
    for look in _LOOKS:
        look(bench, story)
    return bench.hidden


def waits_in_real_time(story: Story) -> bool:
    """Tell whether a client seems to wait for real where it was told not to wait.

    Its last request was answered, its task is under way, and it has not been heard of since.
    """
    quiet = story.ran.stop == "quiet" and not _waits_for_silence(story)
    return story.timing.scale is None and quiet and bool(story.tasks)


def _how(story: Story) -> str:
    said = message_of(story.ran.output)
    return f"{story.ran.how}: {show(said)}" if said and not story.got_a_video else story.ran.how


def _asks_for_a_video(bench: Bench, story: Story) -> None:
    bench.checked("CLI-1")
    if not story.tasks and not any("generateTask" in each.target for each in story.sent):
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
        kind = each.request_headers.get("content-type")
        if kind is None or "json" not in kind.lower():
            title, expected = "a body does not say that it is JSON", "Content-Type: application/json"
            bench.wrong("CLI-1", title, each, expected=expected, actual=kind or "no Content-Type", binding=False)
    for each in asks_for_nothing(story):
        title, expected = "a request asks for what there is not", "the endpoints, and the id of its task"
        bench.wrong("CLI-1", title, each, expected=expected, actual=str(each))


def _polls_as_advised(bench: Bench, story: Story) -> None:
    """Compare polls with the documents' advice (CLI-2); what the vendor's own samples do is only observed."""
    made = [each for each in story.of("generateTask") if each.status == 200]
    polls = story.of("statusTask")
    enough = story.timing.enough
    if not story.timing.shows_waits or not made or not polls:
        return
    bench.checked("CLI-2")
    waited = polls[0].at - made[0].at
    if not enough(waited, FIRST_POLL_MS):
        title, actual = "the first poll comes sooner than advised", f"after {seconds(waited)}"
        expected = f"{seconds(FIRST_POLL_MS)} after the submission, or later"
        bench.wrong("CLI-2", title, made[0], polls[0], expected=expected, actual=actual, binding=False)
    # How soon it tries again after a poll that failed is a matter of CLI-6.
    pairs = [(two.at - one.at, one, two) for one, two in pairwise(polls) if not fails_in_passing(one)]
    wait, one, two = min(pairs, key=lambda pair: pair[0], default=(POLL_EVERY_MS, polls[0], polls[0]))
    if not enough(wait, POLL_EVERY_MS):
        faster = not enough(wait, FASTEST_SAMPLE_MS)
        title = "polls come too fast" if faster else "polls come faster than advised"
        expected = f"{seconds(POLL_EVERY_MS)} apart, or more"
        bench.wrong("CLI-2", title, one, two, expected=expected, actual=seconds(wait), binding=faster)


def _stops_at_the_end(bench: Bench, story: Story) -> None:
    polls = story.of("statusTask")
    end = next((index for index, each in enumerate(polls) if tells_the_end(each)), None)
    if end is None:
        return
    if story.case.name == "slow" and not story.timing.shows_waits:
        bench.hide(("CLI-3",), "the clock jumps over the ten minutes (--scale N or --real waits for them)")
    else:
        bench.checked("CLI-3")
    if polls[end + 1 :]:
        title, expected = "it polls on after the end", f"no poll after {polls[end].state}"
        actual = f"{len(polls) - end - 1} more"
        bench.wrong("CLI-3", title, polls[end], polls[end + 1], expected=expected, actual=actual)


def _ends(bench: Bench, story: Story) -> None:
    case, ran = story.case, story.ran
    if ran.ended:
        if case.endless and story.of("statusTask"):
            bench.checked("CLI-3")
        return
    why = _not_to_blame(story)
    if why is not None:
        bench.hide(case.rules, why)
    elif not bench.broken & {"CLI-3", "CLI-6", "CLI-7", "CLI-10"}:
        # Who polls on, hammers or pays twice has been told so; that it does not end is no second finding.
        endless = case.endless or ran.stop == "requests"
        expected = "that it gives up in the end" if case.end == "failure" else "that it ends"
        rule = "CLI-3" if endless else case.rules[0]
        bench.wrong(rule, "the client does not end", expected=expected, actual=ran.how)


def _not_to_blame(story: Story) -> str | None:
    """Return why it is no fault of a client that it had to be ended; None where it is one."""
    if _waits_for_silence(story):
        return "it was still waiting for an answer that the case withholds (--http-timeout S says how long it may)"
    if story.ran.stop == "requests":
        return None
    if story.timing.scale is None and not _took_far_longer(story):
        return f"it {story.ran.how}: it waits in real time, or hangs (--timeout S gives it longer)"
    control = story.control
    return obscured_by(story) if control is not None and not control.got_a_video else None


def _took_far_longer(story: Story) -> bool:
    """Tell whether the same client is far quicker where all goes well: then neither machine nor waits are to blame."""
    control = story.control
    return control is not None and control.got_a_video and control.ran.seconds * _CONTROL_FACTOR < story.ran.seconds


def _waits_for_silence(story: Story) -> bool:
    last = max(story.requests, key=lambda each: each.number, default=None)
    return not story.ran.ended and last is not None and last.fault == "NO_ANSWER"


def _says_how_it_went(bench: Bench, story: Story) -> None:
    if not story.ran.ended:
        return
    happened = any(each.cause is not None for each in (*story.requests, *story.downloads))
    if story.case.end == "result":
        _says_that_it_has_a_video(bench, story)
    elif story.case.end == "failure":
        _says_that_it_has_none(bench, story, met=happened or met_the_end(story))
    if happened and story.case.end in {"either", "result" if story.ran.well else "failure"}:
        bench.checked(*{"CLI-6", "CLI-9"}.intersection(story.case.rules))


def _says_that_it_has_a_video(bench: Bench, story: Story) -> None:
    if story.ran.well:
        if story.case.about_downloads and not story.downloads:
            bench.hide(story.case.rules, "it fetches no result; it tells its URL")
        return
    why = obscured_by(story)
    if why is not None:
        bench.hide(story.case.rules, why)
        return
    title, rule = f"it has no video, though it could: {story.case.about}", story.case.rules[0]
    if story.case.name == "success":
        rule = "CLI-4" if met_the_end(story) else "CLI-3"
    bench.wrong(rule, title, *story.sent[-1:], expected="the video", actual=_how(story))


def _says_that_it_has_none(bench: Bench, story: Story, *, met: bool) -> None:
    why = obscured_by(story) or (None if met or story.case.endless else "it has not met what the case makes happen")
    if story.ran.well and not _got_a_result(story):
        rule = "CLI-4" if "CLI-4" in story.case.rules else "CLI-5"
        title, expected = "a failure is taken for a result", "that it says there is no video"
        bench.wrong(rule, title, *story.sent[-1:], expected=expected, actual=story.ran.how)
    elif why is not None:
        bench.hide(story.case.rules, why)
    elif story.ran.well and story.case.about_downloads and not story.downloads:
        bench.hide(story.case.rules, "it fetches no result; it tells its URL")
    elif story.case.says is not None and story.case.says not in story.ran.output:
        title, expected = "the failCode is not told", show(story.case.says)
        actual = show(message_of(story.ran.output))
        bench.wrong("CLI-5", title, *story.requests[-1:], expected=expected, actual=actual)
    else:
        bench.checked("CLI-5")


def _has_the_result(bench: Bench, story: Story) -> None:
    urls = result_urls(story)
    if not story.got_a_video or story.case.end == "failure" or not urls:
        return
    bench.checked("CLI-4")
    if _got_a_result(story):
        return
    if story.results == "url":
        title, expected = "it returns what is not the URL of the result", urls[0]
        bench.wrong("CLI-4", title, expected=expected, actual=f"it {story.ran.how}")
    elif story.results == "either" and not story.downloads:
        title = "it says that it has the video, and has neither fetched it nor told its URL"
        bench.wrong("CLI-4", title, expected=f"a download, or {urls[0]} in its output", actual="neither")
    else:
        title, expected = "it says that it has the video, and has not fetched it whole", "one whole download"
        actual = "; ".join(_download(each) for each in story.downloads) or "no download"
        bench.wrong("CLI-4", title, *story.downloads[-1:], expected=expected, actual=actual)


def _got_a_result(story: Story) -> bool:
    """Tell whether a client has fetched a result whole or, where it fetches none, told its URL."""
    if story.results == "download" or (story.results == "either" and story.downloads):
        return any(is_whole(each) for each in story.downloads)
    told = (story.ran.url or "").partition("?")[0]
    return any(url == told or url in story.ran.output for url in result_urls(story))


def _download(download: Exchange) -> str:
    sent: Any = download.answer if isinstance(download.answer, dict) else {}
    return f"{download.status}, {sent.get('sent', 0)} of {sent.get('size', 0)} bytes"


_LOOKS: Final[tuple[Callable[[Bench, Story], None], ...]] = (
    _asks_for_a_video,
    asks_to_be_called,
    _has_its_key,
    _asks_rightly,
    _polls_as_advised,
    _stops_at_the_end,
    takes_no_for_an_answer,
    pays_once,
    waits_longer_each_time,
    _ends,
    _says_how_it_went,
    _has_the_result,
    receives,
)
