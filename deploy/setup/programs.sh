#!/bin/sh
# The programs that the integration tests talk to. Without them, those tests skip and say so.
set -eu
here=$(dirname "$0")
missing=
for pair in mosquitto:mosquitto prometheus:prometheus promtool:prometheus chromium:chromium chromedriver:chromium-driver strace:strace \
  arv-fake-gv-camera-0.8:aravis-tools nft:nftables ip:iproute2; do
  PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -d /usr/lib/python3/dist-packages/gi ] || missing="$missing python3-gi"
ls /usr/lib/*/girepository-1.0/Aravis-0.8.typelib >/dev/null 2>&1 || missing="$missing gir1.2-aravis-0.8"
[ -z "$missing" ] && exit 0
echo "installing for the tests:$missing"
# shellcheck disable=SC2086 # a list of words
"$here/apt.sh" $missing || echo "not installed:$missing (no apt, or not permitted); tests that need them skip" >&2
