"""The bill: what tasks cost, and what of it was wasted."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock import ContractFailure, MockServer
from ltx_mock.control.spending import Statement
from ltx_mock.testing.tenant import World
from support.bodies import IMAGE, MINUTE, TEXT, ask, post, request_body, submit
from support.processes import ltx_mock as run
from support.receivers import Receiver

PRICE = 5
END = 10 * MINUTE


def fetch(client: httpx.Client, task_id: str, **headers: str) -> None:
    (url,) = json.loads(ask(client, task_id)["resultJson"])["resultUrls"]
    client.get(url, headers=headers)


class Bill(NamedTuple):
    """Credits: spent, wasted, and wasted for each reason."""

    spent: int = 0
    wasted: int = 0
    fetched: int = 0
    asked: int = 0
    repeated: int = 0


Story = Callable[[World, httpx.Client], None]
STORIES: list[tuple[Story, Bill]] = []


def costs(
    spent: int, wasted: int = 0, *, fetched: int = 0, asked: int = 0, repeated: int = 0
) -> Callable[[Story], Story]:
    """Register a story with its bill."""

    def register(story: Story) -> Story:
        STORIES.append((story, Bill(spent, wasted, fetched, asked, repeated)))
        return story

    return register


@costs(0)
def nothing_is_submitted(world: World, client: httpx.Client) -> None:
    assert client.get("/statusTask/ltx-2-19b", params={"taskId": "task_none"}).status_code == 404
    assert world.tasks == []


@costs(5)
def a_video_is_polled_and_fetched(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.clock.advance(END)
    fetch(client, task)


@costs(5)
def a_video_is_fetched_in_one_range(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.clock.advance(END)
    fetch(client, task, range="bytes=0-")


@costs(5, 5, fetched=5)
def the_end_is_known_but_the_video_is_not_fetched(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.clock.advance(END)
    ask(client, task)


@costs(5, 5, fetched=5)
def the_client_gives_up_before_the_end(world: World, client: httpx.Client) -> None:
    task = submit(client)
    ask(client, task)
    world.clock.advance(END)


@costs(5, 5, fetched=5, asked=5)
def a_task_is_forgotten(world: World, client: httpx.Client) -> None:
    submit(client)
    world.clock.advance(END)


@costs(5)
def a_task_is_still_running(world: World, client: httpx.Client) -> None:
    submit(client)
    assert world.tasks[0].state == "pending"


@costs(0)
def a_failed_task_is_refunded(world: World, client: httpx.Client) -> None:
    world.fail_next()
    submit(client)
    world.clock.advance(END)


@costs(0)
def a_refused_request_costs_nothing(world: World, client: httpx.Client) -> None:
    assert post(client, request_body(duration=99)).status_code == 400
    assert world.tasks == []


@costs(5)
def a_failed_task_is_tried_again(world: World, client: httpx.Client) -> None:
    world.fail_next()
    submit(client)
    world.finish(world.tasks[0], "failed", "CONTENT_VIOLATION")
    task = submit(client)
    world.clock.advance(END)
    fetch(client, task)


@costs(10, 5, repeated=5)
def a_double_click_pays_twice(world: World, client: httpx.Client) -> None:
    tasks = [submit(client), submit(client)]
    world.clock.advance(END)
    for task in tasks:
        fetch(client, task)


@costs(10, 5, repeated=5)
def another_spelling_of_the_same_request_pays_twice(world: World, client: httpx.Client) -> None:
    tasks = [submit(client), submit(client, duration=5.0, aspect_ratio="16:9")]
    world.clock.advance(END)
    for task in tasks:
        fetch(client, task)


@costs(10)
def the_same_video_is_wanted_again_later(world: World, client: httpx.Client) -> None:
    for _ in range(2):
        task = submit(client)
        world.clock.advance(END)
        fetch(client, task)


@costs(15)
def similar_videos_are_not_the_same(world: World, client: httpx.Client) -> None:
    tasks = [submit(client), submit(client, seed=1), submit(client, IMAGE)]
    world.clock.advance(END)
    for task in tasks:
        fetch(client, task)


@costs(10, 10, fetched=5, asked=5, repeated=5)
def a_request_is_sent_again_after_a_lost_response(world: World, client: httpx.Client) -> None:
    world.scenario("lost-answer")
    with suppress(httpx.HTTPError):
        post(client, request_body())
    world.clock.advance(END)
    task = submit(client)
    world.clock.advance(END)
    fetch(client, task)


@costs(5, 5, fetched=5)
def a_download_is_cut_off(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.clock.advance(END)
    world.scenario("cut-download")
    with suppress(httpx.HTTPError):
        fetch(client, task)


@costs(80, 80, fetched=80, asked=80)
def the_most_expensive_video_is_forgotten(world: World, client: httpx.Client) -> None:
    submit(client, resolution="1080p", duration=20)
    world.clock.advance(END)


@costs(45, 40, fetched=40, asked=40)
def of_two_videos_the_expensive_one_is_forgotten(world: World, client: httpx.Client) -> None:
    cheap, _ = submit(client), submit(client, resolution="1080p", duration=10)
    world.clock.advance(END)
    fetch(client, cheap)


@costs(15, 10, repeated=10)
def three_clicks_pay_three_times(world: World, client: httpx.Client) -> None:
    tasks = [submit(client) for _ in range(3)]
    world.clock.advance(END)
    for task in tasks:
        fetch(client, task)


@costs(10, 5, repeated=5)
def a_client_tries_again_after_59_seconds(world: World, client: httpx.Client) -> None:
    tasks = [submit(client)]
    world.clock.advance(59)
    tasks.append(submit(client))
    world.clock.advance(END)
    for task in tasks:
        fetch(client, task)


@costs(10)
def a_client_tries_again_after_60_seconds(world: World, client: httpx.Client) -> None:
    tasks = [submit(client)]
    world.clock.advance(60)
    tasks.append(submit(client))
    world.clock.advance(END)
    for task in tasks:
        fetch(client, task)


@costs(10, 10, fetched=10, asked=10, repeated=5)
def a_double_click_is_forgotten(world: World, client: httpx.Client) -> None:
    for _ in range(2):
        submit(client)
    world.clock.advance(END)


@costs(5, 5, fetched=5)
def a_callback_comes_and_the_video_is_not_fetched(world: World, client: httpx.Client) -> None:
    with Receiver() as receiver:
        post(client, request_body() | {"request_type": "callback", "callback_url": receiver.url})
        world.clock.advance(END)


@costs(5, 5, fetched=5, asked=5)
def a_callback_is_refused_each_time(world: World, client: httpx.Client) -> None:
    with Receiver(500, 500, 500, 500) as receiver:
        post(client, request_body() | {"request_type": "callback", "callback_url": receiver.url})
        world.clock.advance(END)


@costs(5, 5, fetched=5, asked=5)
def a_callback_is_withheld(world: World, client: httpx.Client) -> None:
    post(client, request_body() | {"request_type": "callback", "callback_url": "https://elsewhere.example/done"})
    world.clock.advance(END)


@costs(5, 5, fetched=5, asked=5)
def each_poll_fails(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.scenarios.add(operation="statusTask", status=503, times="forever")
    for _ in range(3):
        world.clock.advance(MINUTE)
        assert client.get("/statusTask/ltx-2-19b", params={"taskId": task}).status_code == 503
    world.clock.advance(END)


@costs(5, 5, fetched=5)
def the_video_is_fetched_after_its_15_days(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.clock.advance(END)
    (url,) = json.loads(ask(client, task)["resultJson"])["resultUrls"]
    world.clock.advance(16 * 24 * 60 * MINUTE)
    assert client.get(url).status_code == 410


@costs(5, 5, fetched=5)
def only_the_head_of_the_video_is_asked_for(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.clock.advance(END)
    (url,) = json.loads(ask(client, task)["resultJson"])["resultUrls"]
    assert client.head(url).status_code == 200


@costs(5)
def a_lost_response_is_not_followed_by_another_submission(world: World, client: httpx.Client) -> None:
    world.scenario("lost-answer")
    with suppress(httpx.HTTPError):
        post(client, request_body())
    assert world.tasks[0].state == "pending"


@costs(0)
def two_tasks_fail(world: World, client: httpx.Client) -> None:
    world.fail_next(times=2)
    for _ in range(2):
        submit(client)
    world.clock.advance(END)


@costs(5, 0)
def a_cut_download_is_resumed(world: World, client: httpx.Client) -> None:
    task = submit(client)
    world.clock.advance(END)
    world.scenario("cut-download")
    with suppress(httpx.HTTPError):
        fetch(client, task)
    fetch(client, task, range="bytes=10-")


def test_there_are_fifteen_stories_of_waste_and_as_many_others() -> None:
    wasteful = [story for story, bill in STORIES if bill.wasted]
    assert len(wasteful) >= 15
    assert len(STORIES) - len(wasteful) >= 12


@pytest.mark.parametrize(("story", "bill"), [pytest.param(*each, id=each[0].__name__) for each in STORIES])
def test_the_bill_of_a_story_is_right_to_the_credit(world: World, story: Story, bill: Bill) -> None:
    with world.client() as client:
        story(world, client)
    spend = world.spend
    reasons = (spend.never_fetched, spend.never_asked, spend.repeated)
    assert Bill(spend.spent, spend.wasted, *(sum(each.spent for each in tasks) for tasks in reasons)) == bill
    assert spend.charged - spend.refunded == spend.spent == world.account.spent
    assert spend.complete


def test_a_delivered_callback_is_as_good_as_a_poll(world: World) -> None:
    with Receiver() as receiver, world.client() as client:
        post(client, request_body() | {"request_type": "callback", "callback_url": receiver.url})
        world.clock.advance(END)
    assert [each.waste for each in world.spend.wasted_tasks] == [("neverFetched",)]


def test_the_repeated_task_names_the_first_one(world: World) -> None:
    with world.client() as client:
        first, second, third = submit(client), submit(client), submit(client)
    assert [(each.task_id, each.repeats) for each in world.spend.repeated] == [(second, first), (third, second)]


def test_the_bill_says_when_the_journal_has_forgotten_requests(server: MockServer) -> None:
    world = server.tenant(journal_entries=4)
    with world.client() as client:
        task = submit(client)
        world.clock.advance(END)
        fetch(client, task)
        assert world.spend.complete
        for _ in range(2):
            ask(client, task)
    assert not world.spend.complete


def test_the_bill_of_a_long_journal_lets_others_be_served() -> None:
    with MockServer() as mock, mock.client() as client:
        task_id = submit(client)
        for _ in range(50):
            ask(client, task_id)
        statement = Statement(100)
        assert mock.look(lambda tenant: sum(1 for _ in statement.add(tenant))) >= 51
        assert sum(1 for _ in statement.rank()) == 1


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 9])
def test_of_the_bill_the_most_expensive_prompts_are_shown_and_the_newest_waste(limit: int) -> None:
    with MockServer(clock="manual") as mock:
        with mock.client() as client:
            ids = [submit(client, TEXT, prompt=prompt) for prompt in ("a", "b", "c", "d", "b", "d")]
        told = httpx.get(f"{mock.url}/__admin/spend", params={"limit": limit}, trust_env=False).json()
    assert [each["prompt"] for each in told["prompts"]] == ["b", "d", "a", "c"][:limit]
    assert [each["taskId"] for each in told["wasted"]] == ids[-2:][max(0, 2 - limit) :]  # those that repeat another
    assert told["truncated"] == (limit < 4)
    assert (told["total"]["tasks"], len(told["tenants"])) == (6, 1)


@pytest.mark.parametrize(("limit", "truncated"), [(1, True), (2, False)])
def test_the_bill_says_whether_it_shows_all_waste(limit: int, truncated: bool) -> None:
    with MockServer(clock="manual") as mock:
        with mock.client() as client:
            for _ in range(3):
                submit(client)
        told = httpx.get(f"{mock.url}/__admin/spend", params={"limit": limit}, trust_env=False).json()
    assert (len(told["wasted"]), told["truncated"]) == (limit, truncated)


@given(st.lists(st.sampled_from(["submit", "other", "fail", "poll", "fetch", "wait"]), max_size=12))
def test_the_bill_agrees_with_the_account_and_waste_is_a_part_of_it(server: MockServer, steps: list[str]) -> None:
    world = server.tenant()
    with world.client() as client:
        for step in steps:
            if step == "fail":
                world.fail_next()
            if step in {"submit", "fail", "other"}:
                submit(client, TEXT, prompt=step)
            elif step == "wait":
                world.clock.advance(2 * MINUTE)
            for task in world.tasks if step in {"poll", "fetch"} else ():
                if step == "poll" or task.state != "success":
                    ask(client, task.id)
                else:
                    fetch(client, task.id)
    spend = world.spend
    assert (spend.tasks, spend.spent) == (world.account.made, world.account.spent)
    assert 0 <= spend.wasted <= spend.spent
    assert {each.task_id for each in spend.never_asked} <= {each.task_id for each in spend.never_fetched}
    succeeded = {task.id for task in world.tasks if task.state == "success"}
    assert {each.task_id for each in spend.never_fetched} <= succeeded


def test_the_bill_is_split_by_key_and_by_prompt() -> None:
    with MockServer(clock="manual") as server:
        for key, prompts in (("first-key", ["sea", "sea", "fire"]), ("second-key", ["sea"]), ("idle-key", [])):
            with server.tenant(key).client() as client:
                for prompt in prompts:
                    submit(client, prompt=prompt)
        told = httpx.get(f"{server.url}/__admin/spend", params={"limit": 1}, trust_env=False).json()
    assert [(each["tenant"], each["spent"]) for each in told["tenants"]] == [("t1", 15), ("t2", 5)]
    assert [(each["prompt"], each["tasks"], each["spent"]) for each in told["prompts"]] == [("sea", 3, 15)]
    assert (told["total"]["spent"], told["total"]["wasted"], told["truncated"]) == (20, PRICE, True)


def test_the_command_prints_the_bill(server: MockServer) -> None:
    world = server.tenant()
    with world.client() as client:
        first, second = submit(client), submit(client, prompt="a sea")
        world.clock.advance(END)
        fetch(client, first)
    code, out, err = run("spend", "--url", world.url, "--key", world.api_key)
    assert (code, err) == (0, "")
    assert out == (
        "2 tasks, 10 credits spent, 5 wasted; 10 charged, 0 refunded\n"
        "\n"
        "Waste            Credits  Tasks\n"
        "never fetched          5      1\n"
        "never asked for        5      1\n"
        "repeated               0      0\n"
        "\n"
        "Tasks  Spent  Wasted  Prompt\n"
        "    1      5       0  a futuristic city with flying cars at sunset\n"
        "    1      5       5  a sea\n"
        "\n"
        "Wasted task        Credits  Why                             Prompt\n"
        f"{second}        5  never fetched, never asked for  a sea\n"
    )


def test_the_bill_fits_a_narrow_terminal_and_an_empty_one_says_so(server: MockServer) -> None:
    world = server.tenant()
    where = ("--url", world.url, "--key", world.api_key)
    assert run("spend", *where) == (0, "", "nothing was spent: there are no tasks\n")
    with world.client() as client:
        submit(client)
        world.clock.advance(END)
    code, out, _ = run("spend", *where, env={"COLUMNS": "40"})
    assert code == 0
    assert max(map(len, out.splitlines())) <= 40


def test_a_key_in_a_prompt_is_not_shown() -> None:
    secret = "sk-very-secret-key"
    with MockServer(clock="manual", api_key=secret) as server:
        with server.client() as client:
            submit(client, prompt=f"my key is {secret}")
            server.clock.advance(END)
        assert secret not in json.dumps(server._admin.get("/spend"))


def test_waste_can_be_limited(world: World) -> None:
    world.assert_spent(exactly=0, wasted=0)
    with world.client() as client:
        task = submit(client)
        world.clock.advance(END)
    with pytest.raises(ContractFailure) as failure:
        world.assert_spent(at_most=PRICE, wasted=0)
    assert str(failure.value) == (
        "expected at most 0 credits to be wasted, but 5 were wasted:\n"
        f"  {task}  5 credits  never fetched, never asked for"
    )
    world.assert_spent(wasted=PRICE)
