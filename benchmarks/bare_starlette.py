"""What the fake is measured against: Starlette with both endpoints and constant answers, on the given port."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CREATED = {"code": 200, "message": "success", "data": {"taskId": "task_12345678"}}
STATUS = {
    "code": 200,
    "message": "success",
    "data": {"taskId": "task_12345678", "state": "processing", "createTime": 1767965610929},
}


async def generate(request: Request) -> JSONResponse:
    await request.json()
    return JSONResponse(CREATED)


async def status(request: Request) -> JSONResponse:
    assert request.query_params["taskId"]
    return JSONResponse(STATUS)


app = Starlette(
    routes=[
        Route("/api/v1/generateTask/ltx-2-19b", generate, methods=["POST"]),
        Route("/api/v1/statusTask/ltx-2-19b", status),
    ]
)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
