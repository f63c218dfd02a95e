#!/usr/bin/env bash
# From an image folder to an int8 bundle: student, export; with --teacher a teacher first, from which
# the student is distilled. A finished step is not repeated and a broken-off one goes on, so the same
# command may be given again at any time.
#   deploy/training/bundle.sh PICTURES RECIPE.yaml OUT [--teacher] [--fold K]
# All else is said by the recipe. Other pictures, recipe, fold or teacher need a new OUT.
# BUNDLE_NAME (student) and BUNDLE_VERSION (1) are what events and the operator's page call it.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 PICTURES RECIPE.yaml OUT [--teacher] [--fold K]" >&2; exit 2; }
data=$1 recipe=$2 out=$3
shift 3
teacher='' fold=()
while [ $# -gt 0 ]; do
  case $#,$1 in
    *,--teacher) teacher=--teacher && shift ;;
    1,--fold) echo "$0: --fold needs a number" >&2; exit 2 ;;
    *,--fold) fold=(--fold "$2") && shift 2 ;;
    *) echo "$0: unknown: $*; say it in $recipe (only --teacher and --fold K may follow OUT)" >&2; exit 2 ;;
  esac
done
order() { cat "$recipe" && printf '\n# %s\n' "${teacher:-no teacher}, ${fold[*]:-no --fold given}"; }
mkdir -p "$out"
if compgen -G "$out/*/plan.json" > /dev/null && [ -e "$out/recipe.yaml" ]; then
  order | cmp -s - "$out/recipe.yaml" || {
    echo "$out: was begun with another recipe, fold or teacher ($out/recipe.yaml); give OUT a new folder" >&2
    exit 2
  }
else # nothing has begun with it: a mistake in it may still be mended
  order > "$out/recipe.yaml"
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

if [ "$teacher" ]; then
  train teacher "${fold[@]}"
  train student --teacher "$out/teacher"
else
  train student --no-distill "${fold[@]}"
fi
if [ -e "$out/bundle" ]; then
  echo "$out/bundle: there already, not made again; changed pictures need a new OUT"
else
  stripsight-export bundle --run "$out/student" --data "$data" --out "$out/bundle" \
    --precision int8 --name "${BUNDLE_NAME:-student}" --version "${BUNDLE_VERSION:-1}"
fi
