#!/bin/sh
# The programs that the integration tests talk to. Without them, those tests skip and say so.
set -eu
here=$(dirname "$0")
missing=
for pair in mosquitto:mosquitto prometheus:prometheus promtool:prometheus chromium:chromium chromedriver:chromium-driver; do
  PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
echo "installing for the tests:$missing"
# shellcheck disable=SC2086 # a list of words
"$here/apt.sh" $missing || echo "not installed:$missing (no apt, or not permitted); tests that need them skip" >&2
