#!/bin/sh
# Makes a virtual environment; on Debian and Ubuntu its parts come in a package of their own.
set -eu
python=$1
folder=$2
here=$(dirname "$0")

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "StripSight needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Try: make PYTHON=python3.12" >&2
  exit 2
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  "$here/apt.sh" "python$version-venv" || {
    echo "Python's venv module is missing: apt install python$version-venv" >&2
    exit 2
  }
fi
"$python" -m venv "$folder"
