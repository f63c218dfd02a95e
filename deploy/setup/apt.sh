#!/bin/sh
# Installs Debian packages where that is possible and permitted without asking; else exit code 1.
set -eu
command -v apt-get >/dev/null || exit 1
if [ "$(id -u)" = 0 ]; then
  root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  root=sudo
else
  exit 1
fi
$root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
