#!/usr/bin/env bash
# All tests, in Release. Arguments are passed on to dotnet test (for example --filter). The last line is 'N passed, N failed, N skipped'.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
artifacts=${ENGINE_ARTIFACTS:-$root/artifacts}
export ENGINE_ROOT=$root DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# Tests, engines and real brokers live for seconds or minutes, on cores that are all busy: what code gains that is measured and compiled once more does not come back.
export DOTNET_TieredPGO=0 KAFKA_JVM_OPTS=${KAFKA_JVM_OPTS--XX:TieredStopAtLevel=1}
cd "$root" || exit 1
results=$artifacts/test-results
rm -rf "$results"
mkdir -p "$results"

echo "building ..."
if ! dotnet build StreamEngine.sln -c Release -v q --nologo >"$artifacts/test-build.log" 2>&1; then
  tail -n 40 "$artifacts/test-build.log"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi

run() {
  local name started=$SECONDS
  name=$(basename "$1" .csproj)
  timeout 1500 dotnet test "$1" -c Release --no-build --nologo -v q --logger "console;verbosity=normal" "${@:2}" >"$results/$name.log" 2>&1
  echo "$? $((SECONDS - started))" >"$results/$name.end"
}

passed=0 failed=0 skipped=0
tell() {
  local name code took log p f s
  name=$(basename "$1" .csproj) log=$results/$(basename "$1" .csproj).log
  read -r code took <"$results/$name.end"
  p=$(grep -cE '^ +Passed ' "$log"); f=$(grep -cE '^ +Failed ' "$log"); s=$(grep -cE '^ +Skipped ' "$log")
  # The run itself broke: a crash or a timeout must not pass as "no test failed".
  local broken=0
  if [ "$code" -ne 0 ] && [ "$f" -eq 0 ] && { grep -q 'run was aborted' "$log" || ! grep -qE 'No test (is available|matches)' "$log"; }; then broken=1 f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '%-36s %5d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" "$took"
  if [ "$f" -gt 0 ]; then grep -nE -A 25 '^ +Failed ' "$log" | head -n 120; fi
  if [ "$broken" -gt 0 ]; then tail -n 30 "$log"; fi
  if [ "$s" -gt 0 ]; then grep -E '^ +Skipped ' "$log" | head -n 20; fi
}

# The end-to-end tests mostly wait, for starts of processes and for faults to be noticed: they run beside all others, which halves the time of the whole.
slow=tests/StreamEngine.EndToEnd.Tests/StreamEngine.EndToEnd.Tests.csproj
trap 'trap - INT TERM; kill 0' INT TERM
run "$slow" "$@" &
beside=$!
for project in tests/*/*.csproj; do
  if grep -q '<IsTestProject>false' "$project" || [ "$project" = "$slow" ]; then continue; fi
  run "$project" "$@"
  tell "$project"
done
wait "$beside"
tell "$slow"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
