#!/usr/bin/env bash
# Make a video: submit, poll as documented, download. Needs bash, curl and sed.
#
#   APIXO_API_KEY=… generate.sh PROMPT [OUTPUT.mp4]
#
# APIXO_BASE_URL           default https://api.apixo.ai/api/v1
# APIXO_FIRST_POLL_SECONDS wait before the first poll, default 60
# APIXO_POLL_SECONDS       wait between polls, default 5
# APIXO_MAX_POLLS          then it gives up, default 120
set -euo pipefail

base=${APIXO_BASE_URL:-https://api.apixo.ai/api/v1}
key=${APIXO_API_KEY:?set APIXO_API_KEY}
prompt=${1:?usage: generate.sh PROMPT [OUTPUT.mp4]}
output=${2:-video.mp4}
poll_seconds=${APIXO_POLL_SECONDS:-5}
max_polls=${APIXO_MAX_POLLS:-120}
tries=5

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# field NAME JSON: a string field, whatever the spaces around it.
field() { printf '%s' "$2" | tr '\n' ' ' | sed -n "s/.*\"$1\"[[:space:]]*:[[:space:]]*\"\\([^\"]*\\)\".*/\\1/p"; }
quoted() { printf '%s' "$1" | tr '[:cntrl:]' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# call CURL-ARGUMENTS: sets $status (000 where nobody answered), $retry_after and $body.
call() {
    local answer meta
    # The key goes in by a file descriptor: what stands on a command line, every user of the machine can read.
    answer=$(curl --silent --show-error --max-time 60 --config <(printf 'header = "Authorization: Bearer %s"\n' "$key") \
        --write-out '\n%{http_code} %header{retry-after}' "$@") || true
    meta=${answer##*$'\n'}
    body=${answer%$'\n'*}
    status=${meta%% *}
    retry_after=${meta#* }
}

# wait_before_retry TRY: as long as the server asks, or twice as long each time.
wait_before_retry() {
    local seconds=$((2 ** $1))
    [[ $retry_after =~ ^[0-9]+$ ]] && seconds=$retry_after
    say "HTTP $status, trying again in $seconds s"
    sleep "$seconds"
}

submit() {
    local request try
    request="{\"input\": {\"mode\": \"text-to-video\", \"prompt\": \"$(quoted "$prompt")\","
    request+=" \"resolution\": \"480p\", \"duration\": 5}}"
    for ((try = 1; try <= tries; try++)); do
        call --header 'Content-Type: application/json' --data-raw "$request" "$base/generateTask/ltx-2-19b"
        case $status in
            200) task=$(field taskId "$body"); [[ $task ]] || die "no taskId in: $body"; return ;;
            429) wait_before_retry "$try" ;;
            # Where the connection broke, nobody knows whether a task was made: do not pay twice.
            *) die "generateTask: HTTP $status: $(field message "$body")" ;;
        esac
    done
    die "generateTask: still HTTP 429 after $tries tries"
}

poll() {
    local polls misses=0
    sleep "${APIXO_FIRST_POLL_SECONDS:-60}"
    for ((polls = 0; polls < max_polls; polls++)); do
        call "$base/statusTask/ltx-2-19b?taskId=$task"
        case $status in
            200) misses=0 ;;
            000 | 429 | 5??)
                ((++misses < tries)) || die "statusTask: HTTP $status, $misses times in a row"
                wait_before_retry "$misses"
                continue ;;
            *) die "statusTask: HTTP $status: $(field message "$body")" ;;
        esac
        case $(field state "$body") in
            success) return ;;
            failed) die "$task failed: $(field failCode "$body"): $(field failMsg "$body")" ;;
        esac # anything else, known or not: it is still being worked on
        sleep "$poll_seconds"
    done
    die "$task is not finished after $max_polls polls"
}

download() {
    local url
    # resultJson is JSON inside a JSON string, so its quotes come escaped.
    url=$(printf '%s' "$body" | sed -n 's/.*\\"resultUrls\\"[^[]*\[[^"]*\\"\([^"]*\)\\".*/\1/p; ' | sed 's/\\\{1,\}\//\//g')
    [[ $url ]] || die "no result URL in: $body"
    curl --silent --show-error --fail --location --retry 4 --output "$output.part" "$url"
    mv "$output.part" "$output"
}

submit
say "$task submitted"
poll
download
printf '%s\n' "$output"
