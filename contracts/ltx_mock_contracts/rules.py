"""The catalogue of rules: what the LTX-2-19b API promises, each promise under an id that never changes.

Schema keywords (`x-rule`), findings, strategies, conformance checks and the tables of the documentation refer to these
ids.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GROUPS", "RULES", "Rule", "Source", "rules_named"]

Source = Literal["spec", "vendor", "choice"]
"""Where a rule comes from: the model's own page, other pages of the vendor, or a choice of the fake."""

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ENV": "Envelope",
        "AUTH": "Access",
        "GEN": "generateTask",
        "TASK": "statusTask and the life cycle of a task",
        "FAIL": "Failures",
        "BAL": "Balance",
        "CB": "Callbacks",
        "LIM": "Limits",
        "CLI": "What a good client does",
    }
)
"""The title of each group of rules, by the prefix of their ids, in the order of the catalogue."""


class Rule(NamedTuple):
    """One promise of the API.

    Attributes:
        id: Group and number, as in `GEN-10`.
        text: The promise, in a sentence or two of Markdown.
        sources: Where it comes from. A rule with the source `choice` alone is never broken by a real server.
    """

    id: str
    text: str
    sources: tuple[Source, ...]

    @property
    def group(self) -> str:
        """Return the prefix of the id, a key of `GROUPS`."""
        return self.id.partition("-")[0]


def _rule(rule_id: str, text: str, *sources: Source) -> Rule:
    return Rule(rule_id, text, sources)


_CATALOGUE: Final = (
    # Envelope and access
    _rule(
        "ENV-1",
        "Every response of the two endpoints, success or error, is a JSON object with exactly `code` (integer), "
        "`message` (string) and `data` (object or null). Elsewhere in the vendor's API `data` may be a number: "
        "see BAL-1",
        "spec",
    ),
    _rule("ENV-2", 'A success has `code` 200 and `message` "success"', "spec"),
    _rule(
        "ENV-3",
        "An error has a readable, non-empty `message`, and `data` is null (spec) or has one key `error`, a string"
        " with more detail (vendor). The fake sends null",
        "spec",
        "vendor",
    ),
    _rule(
        "ENV-4",
        "`code` equals the HTTP status. The vendor lists 400, 401, 403 (the key lacks permission), 404, 429, 500 and "
        "503",
        "vendor",
    ),
    _rule(
        "ENV-5",
        "An unknown path or model gets 404, a wrong method 405 with `Allow`, a body over the size limit 413, all "
        "in the envelope",
        "choice",
    ),
    _rule("AUTH-1", "No `Authorization` header: 401", "spec"),
    _rule("AUTH-2", "`Authorization` without `Bearer <key>`, an empty key, or a key that is not accepted: 401", "spec"),
    _rule("AUTH-3", "The key is checked before the rest of the request", "choice"),
    _rule(
        "AUTH-4",
        "A task is visible only to the key that created it; for another key it is an unknown task",
        "choice",
    ),
    # generateTask: the request
    _rule("GEN-1", "The body is a JSON object; anything else: 400", "spec"),
    _rule("GEN-2", "`request_type` is `async` or `callback`; default `async`", "spec", "vendor"),
    _rule(
        "GEN-3",
        "`callback_url` is required when `request_type` is `callback`; with `async` it may be present and is not used",
        "spec",
    ),
    _rule(
        "GEN-4",
        "`callback_url` is an absolute http or https URL (the real service requires public https; the fake also "
        "accepts http, for local receivers)",
        "vendor",
        "choice",
    ),
    _rule("GEN-5", "`provider` is `auto`, `value` or `official`; default `auto`", "spec"),
    _rule("GEN-6", "`input` is required and an object", "spec"),
    _rule(
        "GEN-7",
        "`input.mode` is required: `text-to-video`, `image-to-video`, `text-to-video-LoRA` or `image-to-video-LoRA`, "
        "exact case",
        "spec",
    ),
    _rule("GEN-8", "`input.prompt` is required, a string of 1 to 5000 characters", "vendor"),
    _rule("GEN-9", "`input.resolution` is required: `480p`, `720p` or `1080p`", "spec", "vendor"),
    _rule(
        "GEN-10",
        "`input.duration` is required, a whole number of seconds from 5 to 20; a string or a boolean is not a number",
        "spec",
        "vendor",
    ),
    _rule(
        "GEN-11",
        "`input.aspect_ratio` is `16:9` or `9:16`, default `16:9`, and only for the two text-to-video modes",
        "spec",
    ),
    _rule(
        "GEN-12",
        "`input.image_urls` is required for the two image-to-video modes: an array of exactly one absolute http(s) URL",
        "spec",
    ),
    _rule("GEN-13", '`input.seed` is a whole number from 1 to 2147483647, or -1 for "choose one"', "vendor"),
    _rule(
        "GEN-14",
        "`input.loras` only in the two LoRA modes: at most 3 items, each an object with `path`, an absolute http(s) "
        "URL, and `scale`, a number",
        "spec",
    ),
    _rule(
        "GEN-15",
        'Not enough credits: 400 with the message "Insufficient credits". Billing is per second of video',
        "spec",
    ),
    _rule(
        "GEN-16",
        "What the documents do not forbid is accepted: unknown fields anywhere, `image_urls` in a text mode, a "
        "LoRA mode without `loras`, a missing `scale` (1.0 is used), a `scale` outside the recommended 0.5 to "
        "2.0, a LoRA URL without download parameters. Each of these is an advisory: it is recorded with the "
        "request and shown to the developer, and only strict mode refuses the request with 400",
        "spec",
        "choice",
    ),
    _rule(
        "GEN-17",
        "A success returns `data.taskId`, a string, new for every task. The samples look like `task_12345678` and"
        " `task_abc123xyz789`",
        "spec",
        "vendor",
    ),
    _rule("GEN-18", "A rejected request creates no task, costs nothing and sends no callback", "choice"),
    # statusTask and the life of a task
    _rule(
        "TASK-1",
        "`state` is `pending`, `processing`, `success` or `failed`; it only moves forward, polls may miss a "
        "state, and the status of a finished task never changes",
        "spec",
    ),
    _rule(
        "TASK-2",
        "`pending` and `processing` have `taskId`, `state`, `createTime` and no field of a result",
        "vendor",
    ),
    _rule(
        "TASK-3",
        "`success` has `taskId`, `state`, `resultJson`, `createTime`, `completeTime`, `costTime` and no "
        "`failCode`/`failMsg`",
        "spec",
    ),
    _rule(
        "TASK-4",
        "`resultJson` is a string of JSON: an object with `resultUrls`, a non-empty array of absolute URLs",
        "spec",
    ),
    _rule(
        "TASK-5",
        "Times are Unix milliseconds; `costTime` is `completeTime` minus `createTime` (the sample: 1767965652317 − "
        "1767965610929 = 41388)",
        "spec",
    ),
    _rule(
        "TASK-6",
        "`failed` has `taskId`, `state`, `failCode`, `failMsg` and no `resultJson`; the times may be present "
        "(vendor) or not (spec: the fake omits them)",
        "spec",
        "vendor",
    ),
    _rule(
        "TASK-7",
        "`failCode` is a non-empty string: `CONTENT_VIOLATION`, `INVALID_IMAGE_URL` or `INVALID_LORA_URL` for this "
        "model (spec), or one of those that the vendor lists for the whole API: `NSFW_DETECTED`, `PROMPT_TOO_LONG`, "
        "`INVALID_PROMPT`, `IMAGE_TOO_LARGE`, `UNSUPPORTED_FORMAT`, `IMAGE_DOWNLOAD_FAILED`, `PROCESSING_TIMEOUT`, "
        "`MODEL_UNAVAILABLE`, `GENERATION_FAILED`, `INSUFFICIENT_CREDITS`. Others, such as a provider's "
        "`SensitiveContentDetected`, are observed",
        "spec",
        "vendor",
    ),
    _rule(
        "TASK-8",
        "Generation takes 40–60 s at 480p, 60–90 s at 720p, 90–120 s at 1080p; a LoRA mode adds 10–20 s for loading",
        "spec",
    ),
    _rule("TASK-9", "The same seed, prompt and parameters give the same result", "spec"),
    _rule("TASK-10", "Result URLs work for 15 days after completion", "spec"),
    _rule("TASK-11", "No `taskId`: 400. An unknown `taskId`: 404", "spec", "vendor"),
    _rule("TASK-12", "Polling changes nothing", "choice"),
    _rule("FAIL-1", "A task with a prompt that breaks the content rules fails with `CONTENT_VIOLATION`", "spec"),
    _rule(
        "FAIL-2",
        "A task with a reference image that cannot be downloaded, is not JPG, PNG or WebP, or is over 10 MB fails"
        " with `INVALID_IMAGE_URL`",
        "spec",
    ),
    _rule("FAIL-3", "A task with a LoRA that cannot be downloaded fails with `INVALID_LORA_URL`", "spec"),
    # Balance
    _rule(
        "BAL-1",
        '`GET /api/v1/apikeys/current-balance` with the key returns `{"code": 200, "message": "success", "data": '
        "74.87}`: `data` is a number, the remaining credits. Without a credit limit the fake returns a large "
        "fixed number. 401 and 429 as elsewhere; it counts as a request (LIM-1)",
        "vendor",
        "choice",
    ),
    # Callbacks
    _rule(
        "CB-1",
        "When a `callback` task ends, success or failed, its final statusTask envelope is POSTed as JSON to "
        "`callback_url`",
        "spec",
        "vendor",
    ),
    _rule(
        "CB-2",
        "The receiver must respond with HTTP 200 within 30 s; otherwise there are up to 3 retries with growing "
        "delays, the first after 30 s",
        "vendor",
    ),
    _rule("CB-3", "An `async` task never sends a callback, whatever `callback_url` it has", "spec"),
    _rule("CB-4", "Polling works for `callback` tasks too, and agrees with the callback", "choice"),
    # Limits
    _rule("LIM-1", "More than 10000 requests a minute: 429", "spec"),
    _rule("LIM-2", "One more generateTask while 1000 tasks are unfinished: 429, until a task finishes", "spec"),
    _rule("LIM-3", "Limits count per API key; a 429 has `Retry-After` in seconds", "choice"),
    # What a good client does
    _rule("CLI-1", "Every request has the key, and every body follows GEN-1…14 without an advisory", "spec"),
    _rule(
        "CLI-2", "It waits 60 s after the submission before the first poll, then polls every 5 s or more slowly", "spec"
    ),
    _rule(
        "CLI-3",
        "It stops polling when the task is `success` or `failed`, and eventually gives up on a task that never "
        "finishes",
        "spec",
        "vendor",
    ),
    _rule("CLI-4", "It parses `resultJson` as JSON and uses the URL in it within 15 days", "spec"),
    _rule("CLI-5", "It reports a failed task with its `failCode`, and does not treat a failure as a result", "spec"),
    _rule(
        "CLI-6",
        "On 429, and on a temporary 5xx or a broken connection while polling or downloading, it waits and "
        "retries, with growing waits; it does not send many retries in a row",
        "spec",
        "vendor",
    ),
    _rule("CLI-7", "It does not retry 400 and 401", "spec", "vendor"),
    _rule(
        "CLI-8",
        "Its callback receiver responds with 200 within 30 s, accepts a duplicate callback without processing it "
        "twice, and does not need callbacks in order",
        "vendor",
    ),
    _rule(
        "CLI-9",
        "It tolerates unknown fields and states. Clients have met an undocumented state `processing_r2`; they "
        "treat it as processing",
        "choice",
    ),
    _rule(
        "CLI-10",
        "It pays once for one video. If the connection breaks during generateTask, it cannot know whether the "
        "task was created (there is no idempotency key): it does not just submit again and pay twice",
        "spec",
        "vendor",
    ),
    _rule(
        "CLI-11",
        "If callbacks are signed, its receiver refuses one whose signature is wrong, old or missing. No document has "
        "signatures: the fake signs only if it is given a secret",
        "choice",
    ),
)

RULES: Final[Mapping[str, Rule]] = MappingProxyType({rule.id: rule for rule in _CATALOGUE})
"""Every rule by its id, in the order of the catalogue."""


def rules_named(names: Iterable[str]) -> set[str]:
    """Return the ids of rules: an id stands for itself, a group for all of its rules, "" for every rule.

    Raises:
        KeyError: There is no such rule and no such group.
    """
    selected: set[str] = set()
    for name in names:
        found = {rule.id for rule in RULES.values() if name.upper() in {"", rule.id, rule.group}}
        if not found:
            raise KeyError(name)
        selected |= found
    return selected
