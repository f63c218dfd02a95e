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

stated() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2]) or "")' "$@"; }
mm=''
[ ! -e "$defects/dataset.json" ] || mm=$(stated "$defects/dataset.json" mm_per_px)
px=$(stated "$out/real/dataset.json" tile_px)
stripsight-edge simulate --out "$out/drawn" --frames 0 --tiles 100 --tile-px "$px" \
  --mm-per-px "${mm:-0.5}"
# Each drawn tile is a frame without a defect (empty corners), so that its grey levels are matched.
python3 - "$out" << 'END'
import csv, sys
from pathlib import Path
out = Path(sys.argv[1])
with open(out / "drawn/tiles/groups.csv", newline="") as drawn, open(out / "drawn.csv", "w", newline="") as boxes:
    table = csv.writer(boxes)
    table.writerow(["file", "xmin", "ymin", "xmax", "ymax"])
    table.writerows([row["file"], "", "", "", ""] for row in csv.DictReader(drawn) if row["file"].startswith("clean/"))
END
stripsight-train clean --frames "$out/drawn/tiles" --boxes "$out/drawn.csv" --out "$out/sim" \
  --tile-px "$px" --match "$defects" --edge-margin-px 0 > /dev/null

merged=$out/merging
cp -rL "$defects" "$merged"
mkdir -p "$merged/clean"
cp "$out/real"/clean/* "$out/sim"/clean/* "$merged/clean/"
[ -e "$merged/groups.csv" ] || stripsight-train groups --data "$defects" --out "$merged/groups.csv"
python3 - "$out" "$merged/groups.csv" << 'END'
import csv, sys
from pathlib import Path
out, merged = map(Path, sys.argv[1:])
def read(path):
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))[1:]
drawn = dict(read(out / "drawn/tiles/groups.csv"))
rows = read(merged) + [row for row in read(out / "real/groups.csv") if row[0].startswith("clean/")]
rows += [[file, drawn[source]] for file, source, *_ in read(out / "sim/tiles.csv")]
with open(merged, "w", encoding="utf-8", newline="") as stream:
    csv.writer(stream, lineterminator="\n").writerows([["file", "group"], *rows])
END
mv "$merged" "$out/pictures"
