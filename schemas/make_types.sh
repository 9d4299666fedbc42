#!/usr/bin/env bash
# Make ltx_mock_schemas/api.d.ts, the types of the OpenAPI document for TypeScript. Needs npx (Debian: npm).
set -euo pipefail
cd "$(dirname "$0")"
document=$(mktemp --suffix=.json)
trap 'rm -f "$document"' EXIT
python3 -c 'import json, ltx_mock_schemas; print(json.dumps(ltx_mock_schemas.openapi()))' >"$document"
npx --yes --package openapi-typescript@7.13.0 --package typescript@5.9.3 openapi-typescript "$document" -o ltx_mock_schemas/api.d.ts
