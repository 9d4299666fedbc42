"""The health check of the image: it fails if the fake in this container does not answer.

It uses no proxy, unlike `urllib.request`, since Docker can set `HTTP_PROXY` in each container.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", int(os.environ.get("LTX_MOCK_PORT", "8219")), timeout=2)
connection.request("GET", "/__admin/health")
sys.exit(connection.getresponse().status != 200)
