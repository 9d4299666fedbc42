#!/usr/bin/env bash
# Run the fake in the background until the job ends; GitHub's runner then ends the process.
set -euo pipefail

folder=$(mktemp -d "$RUNNER_TEMP/ltx-mock-serve.XXXXXX")
options=("--port=$INPUT_PORT" "--ready-file=$folder/ready.json")
while IFS= read -r line || [[ -n $line ]]; do
    [[ -z $line ]] || options+=("$line")
done <<<"$INPUT_ARGS"

nohup "$RUNNER_TEMP/ltx-mock-venv/bin/ltx-mock" serve "${options[@]}" >"$folder/log" 2>&1 </dev/null &
server=$!
for _ in {1..300}; do
    [[ ! -s $folder/ready.json ]] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if [[ ! -s $folder/ready.json ]]; then
    # The log may contain text of an input, which must not become a command for the runner.
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '::stop-commands::%s\n' "$token"
    cat "$folder/log"
    printf '\n::%s::\n' "$token"
    echo "::error title=ltx-mock::the fake did not start; its log is above"
    kill "$server" 2>/dev/null || true
    exit 2
fi

url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$folder/ready.json")
printf 'LTX_MOCK_URL=%s\nAPIXO_BASE_URL=%s/api/v1\n' "$url" "$url" >>"$GITHUB_ENV"
printf 'url=%s\n' "$url" >>"$GITHUB_OUTPUT"
echo "ltx-mock answers at $url"
