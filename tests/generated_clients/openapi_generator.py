"""A client of openapi-generator's python."""

import json
import os

import client

configuration = client.Configuration(host=os.environ["BASE_URL"], access_token=os.environ["API_KEY"])
given = {"mode": "text-to-video", "prompt": "a calm sea", "resolution": "480p", "duration": 5}
states = []
with client.ApiClient(configuration) as connection:
    api = client.VideoApi(connection)
    made = api.generate_task(client.GenerateRequest.from_dict({"input": given}))
    while "failed" not in states and len(states) < 9:
        task = api.status_task(made.data.task_id).data
        states.append(task.state)
    try:
        api.status_task("nobodys")
    except client.ApiException as problem:
        error = json.loads(problem.body)["code"]
print(json.dumps({"states": states, "failCode": task.fail_code, "error": error}))
