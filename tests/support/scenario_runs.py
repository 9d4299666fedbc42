"""A client that carries on whatever a scenario does to it."""

from __future__ import annotations

import json
from contextlib import suppress

import httpx

from ltx_mock.testing.tenant import World
from support.bodies import ask, post, request_body
from support.receivers import Receiver

BROKEN = (httpx.TransportError, AssertionError, ValueError)


def live(world: World, receiver: Receiver, timeout: httpx.Timeout | float) -> None:
    """Make some tasks with callbacks, poll them and download their results, whatever is answered."""
    body = request_body() | {"request_type": "callback", "callback_url": receiver.url}
    with world.client(timeout=timeout) as client:
        for _ in range(3):
            with suppress(*BROKEN):
                post(client, body)
        for seconds in (0, 10, 120, 300):
            world.clock.advance(seconds)
            for task in world.tasks:
                with suppress(*BROKEN):
                    told = ask(client, task.id)
                    if told["state"] == "success":
                        client.get(json.loads(told["resultJson"])["resultUrls"][0])
