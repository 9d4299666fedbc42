#!/usr/bin/env bash
# Check a server against the contract, and write a report in every format.
set -euo pipefail

url=${INPUT_URL:-${LTX_MOCK_URL:-}}
if [[ -z $url ]]; then
    echo "::error title=ltx-mock::url is missing, and no fake was started before"
    exit 2
fi
if [[ -n $INPUT_API_KEY ]]; then
    key=${INPUT_API_KEY//'%'/%25}
    key=${key//$'\r'/%0D}
    printf '::add-mask::%s\n' "${key//$'\n'/%0A}"
    export APIXO_API_KEY=$INPUT_API_KEY # not an argument, which other processes could see
fi

folder=$(mktemp -d "$RUNNER_TEMP/ltx-mock-report.XXXXXX")
printf 'report=%s\n' "$folder" >>"$GITHUB_OUTPUT"
options=(--github "--output=$folder/report.json" "--output=$folder/report.sarif")
options+=("--output=$folder/junit.xml" "--output=$folder/trace.ndjson")
[[ -n $INPUT_URL ]] || options+=(--trust-control-plane) # this job has started it
[[ -z $INPUT_MAX_TASKS ]] || options+=("--max-tasks=$INPUT_MAX_TASKS")
[[ -z $INPUT_TIME_BUDGET ]] || options+=("--time-budget=$INPUT_TIME_BUDGET")
[[ -z $INPUT_SEED ]] || options+=("--seed=$INPUT_SEED")
IFS=$', \t\n' read -r -d '' -a rules <<<"$INPUT_RULES" || true
for rule in ${rules[@]+"${rules[@]}"}; do
    options+=("--rule=$rule")
done
while IFS= read -r line || [[ -n $line ]]; do
    [[ -z $line ]] || options+=("$line")
done <<<"$INPUT_ARGS"

code=0
"$RUNNER_TEMP/ltx-mock-venv/bin/ltx-mock" check "${options[@]}" -- "$url" || code=$?
printf 'exit-code=%s\n' "$code" >>"$GITHUB_OUTPUT"
if [[ $code == 1 && $INPUT_FAIL_ON_BROKEN == false ]]; then
    exit 0
fi
exit "$code"
