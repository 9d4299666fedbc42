"""A client of openapi-python-client."""

import json
import os

from client import AuthenticatedClient, models
from client.api.video import generate_task, status_task

client = AuthenticatedClient(base_url=os.environ["BASE_URL"], token=os.environ["API_KEY"])
given = {"mode": "text-to-video", "prompt": "a calm sea", "resolution": "480p", "duration": 5}
made = generate_task.sync(client=client, body=models.GenerateRequest.from_dict({"input": given}))
states = []
while "failed" not in states and len(states) < 9:
    task = status_task.sync(client=client, task_id=made.data.task_id).data
    states.append(task.state)
error = status_task.sync(client=client, task_id="nobodys")
print(json.dumps({"states": states, "failCode": task.fail_code, "error": error.code}))
