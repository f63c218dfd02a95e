#!/usr/bin/env bash
# From an image folder to an int8 bundle: teacher, distilled student, export. A finished step is not
# repeated and a broken-off one goes on, so the same command may be given again at any time.
#   deploy/training/bundle.sh PICTURES RECIPE.yaml OUT [--fold K]
# Everything but the fold is said by the recipe. Other pictures, recipe or fold need a new OUT.
# BUNDLE_NAME (student) and BUNDLE_VERSION (1) are what events and the operator's page call it.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 PICTURES RECIPE.yaml OUT [--fold K]" >&2; exit 2; }
data=$1 recipe=$2 out=$3
shift 3
case $#,${1-} in
  0,*) ;;
  2,--fold) ;;
  *) echo "$0: unknown: $*; say it in $recipe (only --fold K may follow OUT)" >&2; exit 2 ;;
esac
order() { cat "$recipe" && printf '\n# %s\n' "${*:-no --fold given}"; }
mkdir -p "$out"
if [ -e "$out/teacher/plan.json" ] && [ -e "$out/recipe.yaml" ]; then
  order "$@" | cmp -s - "$out/recipe.yaml" || {
    echo "$out: was begun with another recipe or fold ($out/recipe.yaml); give OUT a new folder" >&2
    exit 2
  }
else # nothing has begun with it: a mistake in it may still be mended
  order "$@" > "$out/recipe.yaml"
fi

train() {
  local role=$1 run=$out/$1
  shift
  if [ -e "$run/run.json" ]; then
    echo "$run: finished, not trained again; changed pictures need a new OUT"
  elif [ -e "$run/plan.json" ]; then
    stripsight-train "$role" --data "$data" --out "$run" --resume
  else
    stripsight-train "$role" --data "$data" --out "$run" --config "$recipe" "$@"
  fi
}

train teacher "$@"
train student --teacher "$out/teacher"
if [ -e "$out/bundle" ]; then
  echo "$out/bundle: there already, not made again; changed pictures need a new OUT"
else
  stripsight-export bundle --run "$out/student" --data "$data" --out "$out/bundle" \
    --precision int8 --name "${BUNDLE_NAME:-student}" --version "${BUNDLE_VERSION:-1}"
fi
