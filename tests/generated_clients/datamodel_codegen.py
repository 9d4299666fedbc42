"""Models of datamodel-code-generator, requests of httpx."""

import json
import os

import client as models
import httpx

given = {"mode": "text-to-video", "prompt": "a calm sea", "resolution": "480p", "duration": 5}
body = models.GenerateRequest.model_validate({"input": given}).model_dump(mode="json", exclude_none=True)
states = []
with httpx.Client(
    base_url=os.environ["BASE_URL"] + "/api/v1",
    headers={"authorization": f"Bearer {os.environ['API_KEY']}"},
    trust_env=False,
) as http:

    def status(task_id):
        return http.get("/statusTask/ltx-2-19b", params={"taskId": task_id}).json()

    made = models.GenerateResponse.model_validate(http.post("/generateTask/ltx-2-19b", json=body).json())
    while "failed" not in states and len(states) < 9:
        task = models.StatusResponse.model_validate(status(made.data.taskId)).data
        states.append(task.state)
    error = models.ErrorResponse.model_validate(status("nobodys"))
print(json.dumps({"states": states, "failCode": task.failCode, "error": error.code}))
