#!/usr/bin/env bash
# Make a video: submit, poll as documented, download. Needs bash, curl and awk.
#
#   APIXO_API_KEY=… generate.sh PROMPT [OUTPUT.mp4]
#
# APIXO_BASE_URL           default https://api.apixo.ai/api/v1
# APIXO_FIRST_POLL_SECONDS wait before the first poll, default 60
# APIXO_POLL_SECONDS       wait between polls, default 5
# APIXO_MAX_POLLS          then it gives up, default 120
# APIXO_TIME_SCALE         what all waits are divided by, for tests; default 1
set -euo pipefail

base=${APIXO_BASE_URL:-https://api.apixo.ai/api/v1}
key=${APIXO_API_KEY:?set APIXO_API_KEY}
prompt=${1:?usage: generate.sh PROMPT [OUTPUT.mp4]}
output=${2:-video.mp4}
part=$output.$$.part # clients that run at once may have one output
poll_seconds=${APIXO_POLL_SECONDS:-5}
max_polls=${APIXO_MAX_POLLS:-120}
scale=${APIXO_TIME_SCALE:-1}
tries=5

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# scaled SECONDS: divided by the scale.
scaled() { awk -v seconds="$1" -v scale="$scale" 'BEGIN { printf "%.3f", seconds / scale }'; }
http_seconds=$(awk -v scale="$scale" 'BEGIN { print scale < 60 ? 60 / scale : 1 }') # a network does not get faster

# field NAME JSON: sets $value to a string field, whatever the spaces around it.
field() {
    value=
    local pattern="\"$1\"[[:space:]]*:[[:space:]]*\"([^\"]*)\""
    [[ $2 =~ $pattern ]] && value=${BASH_REMATCH[1]}
    return 0
}
quoted() { printf '%s' "$1" | tr '[:cntrl:]' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# fetch CURL-ARGUMENTS: sets $status (000 where the answer is not whole), $retry_after and $body.
fetch() {
    local answer meta whole=yes
    answer=$(curl --silent --show-error --write-out '\n%{http_code} %header{retry-after}' "$@") || whole=
    meta=${answer##*$'\n'}
    body=${answer%$'\n'*}
    status=${meta%% *}
    retry_after=${meta#* }
    [[ $whole ]] || status=000
}

# call CURL-ARGUMENTS: fetch with the key. It goes in by a file descriptor: what stands on a command line, every user
# of the machine can read.
call() { fetch --max-time "$http_seconds" --config <(printf 'header = "Authorization: Bearer %s"\n' "$key") "$@"; }

# refused WHAT: what passes is waited out, twice as long each time and as long as the server asks; else it is the end.
refused() {
    local seconds
    field message "$body"
    case $status in
        000 | 429 | 5??)
            ((++misses < tries)) || die "$1: HTTP $status: $value (tried $tries times)"
            seconds=$((2 ** misses))
            [[ $retry_after =~ ^[0-9]+$ ]] && seconds=$((seconds + retry_after))
            say "$1: HTTP $status, trying again in $seconds s"
            sleep "$(scaled "$seconds")" ;;
        *) die "$1: HTTP $status: $value" ;;
    esac
}

submit() {
    local request misses=0
    request="{\"input\": {\"mode\": \"text-to-video\", \"prompt\": \"$(quoted "$prompt")\","
    request+=" \"resolution\": \"480p\", \"duration\": 5}}"
    while true; do
        call --header 'Content-Type: application/json' --data-raw "$request" "$base/generateTask/ltx-2-19b"
        case $status in
            200) field taskId "$body"; task=$value; [[ $task ]] || die "no taskId in: $body"; return ;;
            # A task costs money, and there is no idempotency key: do not pay twice.
            000 | 5??) die "generateTask: HTTP $status; whether a task was made is not known" ;;
            *) refused generateTask ;;
        esac
    done
}

poll() {
    local polls code misses=0
    sleep "$(scaled "${APIXO_FIRST_POLL_SECONDS:-60}")"
    for ((polls = 0; polls < max_polls; polls++)); do
        call "$base/statusTask/ltx-2-19b?taskId=$task"
        if [[ $status != 200 ]]; then
            refused statusTask
            continue
        fi
        misses=0
        field state "$body"
        case $value in
            success) return ;;
            failed)
                field failCode "$body"; code=$value
                field failMsg "$body"; die "$task failed: $code: $value" ;;
        esac # anything else, known or not: it is still being worked on
        sleep "$(scaled "$poll_seconds")"
    done
    die "$task is not finished after $max_polls polls"
}

# The file is fetched whole or not at all (curl minds Content-Length); no key is sent to where it lies.
download() {
    local url misses=0 pattern='\\"resultUrls\\"[^[]*\[[^"]*"([^"]*)\\"'
    # resultJson is JSON inside a JSON string: its quotes come escaped, and what is escaped in it comes escaped twice.
    [[ $body =~ $pattern ]] || die "no result URL in: $body"
    url=${BASH_REMATCH[1]//'\\u0026'/'&'}
    url=${url//\\/}
    trap 'rm -f -- "$part"' EXIT
    while true; do
        fetch --location --connect-timeout "$http_seconds" --speed-limit 1 --speed-time "${http_seconds%.*}" \
            --output "$part" "$url"
        [[ $status == 200 ]] && break
        refused download
    done
    mv -- "$part" "$output"
}

submit
say "$task submitted"
poll
download
printf '%s\n' "$output"
