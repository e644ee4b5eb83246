#!/usr/bin/env bash
# All tests, in Release. Arguments are passed on to dotnet test (for example --filter). The last line is 'N passed, N failed, N skipped'.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
artifacts=${ENGINE_ARTIFACTS:-$root/artifacts}
export ENGINE_ROOT=$root DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
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

passed=0 failed=0 skipped=0 broken=0
for project in tests/*/*.csproj; do
  grep -q '<IsTestProject>false' "$project" && continue
  name=$(basename "$project" .csproj)
  log=$results/$name.log
  started=$SECONDS
  timeout 1500 dotnet test "$project" -c Release --no-build --nologo -v q --logger "console;verbosity=normal" "$@" >"$log" 2>&1
  code=$?
  p=$(grep -cE '^ +Passed ' "$log"); f=$(grep -cE '^ +Failed ' "$log"); s=$(grep -cE '^ +Skipped ' "$log")
  if [ $code -ne 0 ] && [ "$f" -eq 0 ]; then
    # The run itself broke: a crash or a timeout must not pass as "no test failed".
    if grep -qE 'No test (is available|matches)' "$log"; then :; else broken=$((broken + 1)); f=1; fi
  fi
  passed=$((passed + p)); failed=$((failed + f)); skipped=$((skipped + s))
  printf '%-36s %5d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" $((SECONDS - started))
  if [ "$f" -gt 0 ]; then
    grep -nE -A 25 '^ +Failed ' "$log" | head -n 120
    [ "$broken" -gt 0 ] && tail -n 30 "$log"
  fi
  if [ "$s" -gt 0 ]; then grep -E '^ +Skipped ' "$log" | head -n 20; fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
