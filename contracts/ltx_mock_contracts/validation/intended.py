"""Guess which known field an unknown field stands for, and the consequence of its absence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ltx_mock_contracts.model import MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltx_mock_contracts.validation.findings import Path

__all__ = ["Intended", "intended_field"]


class Intended(NamedTuple):
    """A known field that was probably meant.

    Attributes:
        place: Its path in dotted notation: `callback_url`, `input.loras`; in a LoRA `scale`.
        consequence: The consequence of its absence, as the end of a sentence; None if it is present too.
    """

    place: str
    consequence: str | None


_IGNORED: Final = "the value is ignored"
_CONSEQUENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "": {
        "request_type": "the task is async",
        "callback_url": "no callback is sent",
        "provider": "the provider is chosen automatically",
        "input": _IGNORED,
    },
    "input.": {
        "mode": _IGNORED,
        "prompt": _IGNORED,
        "resolution": _IGNORED,
        "duration": _IGNORED,
        "aspect_ratio": f"the video is {MODEL.aspect_ratio}",
        "image_urls": "no image is used",
        "seed": "the seed is chosen automatically",
        "loras": "no LoRA is applied",
    },
    "lora.": {"path": _IGNORED, "scale": "the scale is 1.0"},
}
_SYNONYMS: Final[Mapping[str, Mapping[str, str]]] = {
    "": {
        "request_type": "type kind requestmode responsemode responsetype delivery",
        "callback_url": (
            "callback callbacks callbackuri callbackendpoint webhook webhooks webhookurl webhookuri hook hookurl"
            " notify notifyurl notification notificationurl posturl returnurl postback postbackurl"
        ),
        "provider": "providers route routing tier channel",
        "input": "inputs params parameters args arguments payload data body options",
    },
    "input.": {
        "mode": "type task tasktype generationmode",
        "prompt": "text textprompt description caption instruction instructions positiveprompt",
        "resolution": "size quality videosize videoquality definition res",
        "duration": (
            "length seconds time durationseconds durationsec durations videolength videoduration lengthseconds"
            " numseconds clipduration"
        ),
        "aspect_ratio": "aspect ratio aspects orientation proportions",
        "image_urls": (
            "image images imageurl img imgs imgurl imgurls imageuri picture photo inputimage inputimages inputimageurl"
            " inputurls refimage referenceimage referenceimages referenceimageurl sourceimage initimage startimage"
            " startframe firstframe firstframeimage firstframeurl"
        ),
        "seed": "randomseed rngseed noiseseed",
        "loras": "lora loramodel loramodels loraurl loraurls lorapath lorapaths loraweights loraconfig adapters",
    },
    "lora.": {
        "path": "url uri href link file model modelurl lora loraurl lorapath weightsurl downloadurl",
        "scale": "weight weights strength lorascale lorastrength loraweight multiplier influence factor",
    },
}
_MEANING: Final = {
    level: {word: name for name, words in names.items() for word in words.split()} for level, names in _SYNONYMS.items()
}
_LONGEST: Final = 40
_CUTOFF: Final = 0.75


def intended_field(body: object, path: Path) -> Intended | None:
    """Return the known field that an unknown field of a generateTask body probably stands for.

    The same name in another spelling, a similar name and a synonym are searched at the same level, then at others:
    `prompt` beside `input` belongs in it. There is no consequence if that field is present too.

    Args:
        body: The decoded body.
        path: The path of the unknown field.
    """
    parents, last = path[:-1], path[-1]
    if not isinstance(last, str) or len(last) > _LONGEST:
        return None
    word = re.sub(r"[\W_]", "", last.casefold())
    own_level = "" if not parents else "input." if parents == ("input",) else "lora."
    for level in dict.fromkeys((own_level, "", "input.")):
        name = _find(word, level, similar=level == own_level)
        container = parents if level == own_level else ("input",) * bool(level)
        is_given = name in _object_at(body, container)
        if name is not None and (level == own_level or not is_given):
            place = name if level == "lora." else level + name
            return Intended(place, None if is_given else _CONSEQUENCES[level][name])
    return None


def _find(word: str, level: str, *, similar: bool) -> str | None:
    known = {re.sub("_", "", name): name for name in _CONSEQUENCES[level]}
    if word in known:
        return known[word]
    if word in _MEANING[level]:
        return _MEANING[level][word]
    if not similar:
        return None
    from difflib import get_close_matches  # noqa: PLC0415  seldom needed

    return next((known[match] for match in get_close_matches(word, known, n=1, cutoff=_CUTOFF)), None)


def _object_at(value: object, parents: Path) -> Mapping[str, object]:
    for part in parents:
        try:
            value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return {}
    return value if isinstance(value, dict) else {}
