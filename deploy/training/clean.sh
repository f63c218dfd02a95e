#!/usr/bin/env bash
# Defects and clean strip in one image folder: tiles cut from real frames whose defects are marked,
# and tiles of the simulator. Grey levels are matched to those of the defects' images.
#   deploy/training/clean.sh DEFECTS FRAMES OUT [--exclude FRAME]...
# FRAMES holds boxes.csv; what follows OUT goes to `stripsight-train clean`. OUT/pictures is the
# folder, OUT/real/sheet.png shows what was cut: look at it.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 DEFECTS FRAMES OUT [--exclude FRAME]..." >&2; exit 2; }
defects=$1 frames=$2 out=$3
shift 3
[ ! -e "$out/pictures" ] || { echo "$out/pictures: there already"; exit 0; }
mkdir -p "$out"
for found in "$out"/* "$out"/.[!.]*; do
  case ${found#"$out"/} in
    real | sim | merging | '*' | '.[!.]*') ;; # of a call that was broken off
    *) echo "$out: holds ${found##*/}; give OUT a new folder" >&2; exit 2 ;;
  esac
done
rm -rf "$out/real" "$out/sim" "$out/merging"

stripsight-train clean --frames "$frames" --boxes "$frames/boxes.csv" --out "$out/real" \
  --match "$defects" --per-frame 24 "$@"
stripsight-edge simulate --out "$out/sim" --frames 0 --tiles 100 --tile-px 128 --mm-per-px 0.5

merged=$out/merging
cp -r "$defects" "$merged"
mkdir -p "$merged/clean"
[ -e "$merged/groups.csv" ] || stripsight-train groups --data "$defects" --out "$merged/groups.csv"
for from in "$out/real" "$out/sim/tiles"; do
  cp "$from"/clean/* "$merged/clean/"
  grep '^clean/' "$from/groups.csv" >> "$merged/groups.csv"
done
mv "$merged" "$out/pictures"
