#!/usr/bin/env bash
# Compare each submission that changed with its stored scores; exit with 1 if one is worse or fails.
#
# CI calls this, and so can you: KIT_BASE=origin/main bash ci/compare_changed.sh
#   KIT_BASE        the revision to compare with; every submission runs if it is empty or unknown
#   comparison.md   gets the tables; on GitHub they are the summary of the job too
#   .weights/       keeps fetched weights between the runs of CI
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

# What every submission depends on.
common=(requirements.txt wheels sample_data ci .github .gitlab-ci.yml)

every() {
  for model in submissions/*/model.py; do
    if [ -f "$model" ]; then basename "$(dirname "$model")"; fi
  done
}

changed() {
  local base
  if ! base=$(git merge-base "${KIT_BASE:-}" HEAD 2> /dev/null) \
    || ! git diff --quiet "$base" -- "${common[@]}"; then
    every
    return
  fi
  git diff --name-only "$base" -- submissions scores | cut -d / -f 2 | sort -u \
    | while read -r name; do
      if [ -f "submissions/$name/model.py" ]; then echo "$name"; fi
    done
}

# Keep what git does not hold of weights/ in .weights/NAME/, in a folder of this weights.json.
fetch_weights() {
  local folder="submissions/$1" kept file
  [ -f "$folder/weights.json" ] || return 0
  kept="$PWD/.weights/$1/$(git hash-object "$folder/weights.json")"
  if [ -d "$kept" ]; then cp -R "$kept/." "$folder/"; fi
  kit weights fetch "$1" || return
  rm -rf ".weights/$1"
  mkdir -p "$kept"
  git -C "$folder" ls-files --others -- weights | while read -r file; do
    mkdir -p "$kept/$(dirname "$file")"
    cp "$folder/$file" "$kept/$file"
  done
}

prepare() {
  if [ -f "submissions/$1/requirements.txt" ]; then
    pip install --quiet --requirement "submissions/$1/requirements.txt" || return
  fi
  fetch_weights "$1" && kit check "$1" --quick
}

[ -d .venv ] || python3 -m venv .venv
pip install --quiet --find-links wheels --requirement requirements.txt
failed=0
names=$(changed)
title="# Compared with the stored scores"
if [ -z "$names" ]; then title="No submission changed."; fi
echo "$title" > comparison.md
for name in $names; do
  status=0
  # The log of the job has what `prepare` says, the table what `kit compare` says.
  text=$(prepare "$name" >&2 && kit compare "$name" 2>&1) || status=$?
  text=${text:-"It could not be prepared; the log of the job says why."}
  printf '\n## %s\n\n```\n%s\n```\n' "$name" "$text" >> comparison.md
  if [ "$status" -ne 0 ]; then
    failed=1
    if [ "${GITHUB_ACTIONS:-}" = true ]; then
      echo "::error file=submissions/$name/model.py,title=$name::\`kit compare $name\` ended with" \
        "$status: it is worse than its stored scores, or could not be compared. The table is in" \
        "the summary of the job."
    fi
  fi
done
cat comparison.md
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat comparison.md >> "$GITHUB_STEP_SUMMARY"; fi
exit "$failed"
