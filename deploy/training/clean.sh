#!/usr/bin/env bash
# Defects and clean strip in one image folder: tiles cut from real frames whose defects are marked,
# and tiles of the simulator, both as large as the defects' images and with their grey levels. The
# simulator's have the scale that the defects' dataset.json names (0.5 mm per pixel if it names
# none); real frames are cut pixel for pixel unless their scale and the tiles' are given.
#   deploy/training/clean.sh DEFECTS FRAMES OUT [--exclude FRAME]... \
#     [--mm-per-px 0.25 --tile-mm-per-px 0.5] [--tile-px 128]
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
    real | drawn | drawn.csv | sim | merging | '*' | '.[!.]*') ;; # of a call that was broken off
    *) echo "$out: holds ${found##*/}; give OUT a new folder" >&2; exit 2 ;;
  esac
done
rm -rf "$out/real" "$out/drawn" "$out/drawn.csv" "$out/sim" "$out/merging"

stripsight-train clean --frames "$frames" --boxes "$frames/boxes.csv" --out "$out/real" \
  --match "$defects" --per-frame 24 "$@"

mm=$(sed -n 's/.*"mm_per_px": *\([0-9.][0-9.]*\).*/\1/p' "$defects/dataset.json" 2>/dev/null || true)
px=$(sed -n 's/.*"tile_px": *\([0-9]*\).*/\1/p' "$out/real/dataset.json")
stripsight-edge simulate --out "$out/drawn" --frames 0 --tiles 100 --tile-px "$px" \
  --mm-per-px "${mm:-0.5}"
# Each drawn tile is a frame without a defect (empty corners), so that its grey levels are matched.
{
  echo file,xmin,ymin,xmax,ymax
  sed -n 's|^\(clean/[^,]*\),.*|\1,,,,|p' "$out/drawn/tiles/groups.csv"
} > "$out/drawn.csv"
stripsight-train clean --frames "$out/drawn/tiles" --boxes "$out/drawn.csv" --out "$out/sim" \
  --tile-px "$px" --match "$defects" --edge-margin-px 0 > /dev/null

merged=$out/merging
cp -r "$defects" "$merged"
mkdir -p "$merged/clean"
cp "$out/real"/clean/* "$out/sim"/clean/* "$merged/clean/"
[ -e "$merged/groups.csv" ] || stripsight-train groups --data "$defects" --out "$merged/groups.csv"
grep '^clean/' "$out/real/groups.csv" >> "$merged/groups.csv"
awk -F, 'NR == FNR { group[$1] = $2; next } /^clean\// { print $1 "," group[$2] }' \
  "$out/drawn/tiles/groups.csv" "$out/sim/tiles.csv" >> "$merged/groups.csv"
mv "$merged" "$out/pictures"
