#!/usr/bin/env bash
# An honest client in another style: curl with its own retries, and jq. It downloads the video.
set -u
scale=${APIXO_TIME_SCALE:-1}
pause() { sleep "$(awk "BEGIN { print $1 / $scale }")"; }
out=$(mktemp)
trap 'rm -f "$out"' EXIT
fail() { echo "no video: $1" >&2; exit 1; }

# A submission is tried again after a 429 alone: then no task was made.
for attempt in 1 2 4 8 16 32; do
    code=$(curl -s -m 31 -o "$out" -w '%{http_code}' -H "Authorization: Bearer $APIXO_API_KEY" \
        -H 'Content-Type: application/json' "$APIXO_BASE_URL/generateTask/ltx-2-19b" \
        -d '{"input":{"mode":"text-to-video","prompt":"a calm sea","resolution":"480p","duration":6}}') ||
        fail "nobody knows whether the task was made"
    [ "$code" = 429 ] || break
    pause "$attempt"
done
[ "$code" = 200 ] || fail "HTTP $code: $(cat "$out")"
task=$(jq -re .data.taskId "$out") || fail "no taskId"

broken=0
for ((poll = 0; poll < 150; poll++)); do
    if ((broken)); then pause $((2 ** broken)); elif ((poll)); then pause 5; else pause 60; fi
    code=$(curl -s -m 31 -o "$out" -w '%{http_code}' -H "Authorization: Bearer $APIXO_API_KEY" \
        "$APIXO_BASE_URL/statusTask/ltx-2-19b?taskId=$task") || code=000
    case $code in
    200) broken=0 ;;
    000 | 429 | 5??)
        ((++broken < 7)) || fail "it does not get better"
        continue
        ;;
    *) fail "HTTP $code: $(cat "$out")" ;;
    esac
    case $(jq -r .data.state "$out") in
    success) break ;;
    failed) fail "$(jq -r '.data.failCode + ": " + .data.failMsg' "$out")" ;;
    esac
done
url=$(jq -re '.data | select(.state == "success") | .resultJson | fromjson | .resultUrls[0]' "$out") || fail "no result"
for attempt in 1 2 3 4; do
    curl -sf -m 300 -o "${1:-video.mp4}" "$url" && exit 0
    pause "$attempt"
done
fail "cannot download $url"
