"""What must hold for every look at a task, and for its callback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import event

from ltx_mock_contracts.stateful.client import Exchange, Span, quoted
from ltx_mock_contracts.stateful.task import SeenTask, generation_ms
from ltx_mock_contracts.validation import MalformedBody, parse_body, validate_callback

if TYPE_CHECKING:
    from ltx_mock_contracts.failure import ContractFailure
    from ltx_mock_contracts.stateful.log import Story

__all__ = ["Witness"]

_RANK: Final = {"pending": 0, "processing": 1, "success": 2, "failed": 2}
_CARRIES: Final = {"success": "TASK-3", "failed": "TASK-6"}


class Witness:
    """Looks at tasks, remembers, and raises a `ContractFailure` at the first thing that cannot be."""

    def __init__(self, story: Story, *, choices: bool) -> None:
        self._story = story
        self._choices = choices

    def depart(self, failure: ContractFailure) -> None:
        """Raise the failure of a rule that nobody documents where the target is held to those, else count it."""
        if self._choices:
            raise failure
        event(f"{failure.rule} is not kept: {failure.title}")

    def looked(self, task: SeenTask, exchange: Exchange) -> str:
        """Judge what statusTask says to the key that made the task, and return its state."""
        if exchange.status != 200:
            rule = "LIM-1" if exchange.status == 429 else "TASK-11"
            raise self._failure(task, rule, "a task that was made is not told of", "its status", exchange.quoted)
        data = exchange.body["data"]
        self._moves_forward(task, exchange)
        self._is_itself(task, data, exchange.span)
        if _RANK[data["state"]] == 2:
            self._ended(task, exchange.body, exchange.span)
        else:
            self._unfinished(task, exchange)
        task.last = exchange
        return str(data["state"])

    def called_back(self, task: SeenTask, raw: bytes, now: int | None) -> None:
        """Judge the body of a callback for a task."""
        try:
            body = parse_body(raw)
        except MalformedBody as problem:
            title = f"a callback is no JSON: {problem}"
            raise self._failure(task, "CB-1", title, "the final envelope of the task", quoted(raw)) from None
        for finding in validate_callback(body):
            if finding.severity == "violation":
                title = f"a callback says what it must not: {finding.message}"
                raise self._failure(task, finding.rule, title, finding.allowed, quoted(raw))
        if task.request.request_type == "async":
            raise self._failure(task, "CB-3", "an async task called back", "no callback", quoted(raw))
        task.callbacks += 1
        if task.callbacks > 1:
            title = "a callback that was answered with 200 came again"
            raise self._failure(task, "CB-2", title, "one callback", f"{task.callbacks}, the last: {quoted(raw)}")
        self._agrees(task, body, quoted(raw))
        span = None if now is None else Span(now, now)
        self._is_itself(task, body["data"], span)  # type: ignore[index] # else there would be a finding
        self._ended(task, body, span)

    def _failure(self, task: SeenTask, rule: str, title: str, expected: str, actual: str) -> ContractFailure:
        return self._story.failure(rule, title, expected=expected, actual=actual, about=task.id)

    def _moves_forward(self, task: SeenTask, exchange: Exchange) -> None:
        last, state = task.last, exchange.body["data"]["state"]
        before = "pending" if last is None else last.body["data"]["state"]
        if last is not None and _RANK[before] == 2:
            if exchange.raw != last.raw:
                title = "a finished task changed its answer"
                raise self._failure(task, "TASK-1", title, quoted(last.raw), quoted(exchange.raw))
            return
        self._agrees(task, exchange.body, quoted(exchange.raw))
        if _RANK[state] < _RANK[before]:
            raise self._failure(task, "TASK-1", "a state moved back", f"{before}, or a later state", state)
        if last is not None and _at_one_moment(last, exchange) and exchange.raw != last.raw:
            title = "a status changed though no time passed"
            self.depart(self._failure(task, "TASK-12", title, quoted(last.raw), quoted(exchange.raw)))

    def _agrees(self, task: SeenTask, body: object, told: str) -> None:
        """Hold callback and status against each other, whichever came first."""
        if task.end is not None and body != task.end:
            expected = f"in both the same as before, {task.end}"
            raise self._failure(task, "CB-1", "callback and status differ", expected, told)

    def _is_itself(self, task: SeenTask, data: dict[str, Any], span: Span | None) -> None:
        if data["taskId"] != task.id:
            rule = _CARRIES.get(data["state"], "TASK-2")
            raise self._failure(task, rule, "the answer is about another task", task.id, str(data["taskId"]))
        created = data.get("createTime")
        if created is None:
            return
        if task.created is not None and created != task.created:
            raise self._failure(task, "TASK-5", "createTime changed", str(task.created), str(created))
        task.created = created
        if task.made is not None and span is not None and not task.made.before <= created <= task.made.after:
            expected = f"{task.made.before}, when it was submitted"
            raise self._failure(task, "TASK-5", "createTime is not the moment of submission", expected, str(created))

    def _unfinished(self, task: SeenTask, exchange: Exchange) -> None:
        if exchange.span is None or task.made is None:
            return
        elapsed, (_, longest) = exchange.span.before - task.made.after, generation_ms(task.request)
        if elapsed >= longest:
            title = "a task is not finished after the longest time that it may take"
            expected = f"success or failed after {longest / 1000:g} s"
            state = exchange.body["data"]["state"]
            raise self._failure(task, "TASK-8", title, expected, f"{state} after {elapsed / 1000:g} s")
        task.unfinished_at = exchange.span.before

    def _ended(self, task: SeenTask, body: Any, span: Span | None) -> None:
        if task.end is not None:
            return
        task.end, data = body, body["data"]
        other = data["state"] != "failed" or data["failCode"] in {"INVALID_IMAGE_URL", "INVALID_LORA_URL"}
        if task.must_fail and not task.by_hand and other:
            title = "a prompt that breaks the content rules does not end with CONTENT_VIOLATION"
            raise self._failure(
                task, "FAIL-1", title, "failed, CONTENT_VIOLATION", f"{data['state']}, {data.get('failCode')}"
            )
        if data["state"] == "success" and not task.by_hand:
            self._took_its_time(task, data["costTime"], span)
        completed = data.get("completeTime")
        if completed is not None and span is not None and not task.unfinished_at <= completed <= span.after:
            title = "completeTime is not when the task ended"
            expected = f"from {task.unfinished_at}, when it was seen unfinished, to {span.after}, when it was finished"
            raise self._failure(task, "TASK-5", title, expected, str(completed))

    def _took_its_time(self, task: SeenTask, cost: int, span: Span | None) -> None:
        shortest, longest = generation_ms(task.request)
        expected = f"{shortest / 1000:g} to {longest / 1000:g} s"
        if task.made is not None and span is not None and span.after - task.made.before < shortest:
            elapsed = f"success after {(span.after - task.made.before) / 1000:g} s"
            raise self._failure(task, "TASK-8", "a task succeeded sooner than it can", expected, elapsed)
        if not shortest <= cost <= longest:
            raise self._failure(task, "TASK-8", "costTime is out of its range", expected, f"{cost / 1000:g} s")


def _at_one_moment(one: Exchange, other: Exchange) -> bool:
    return one.span is not None and other.span is not None and one.span.before == other.span.after
