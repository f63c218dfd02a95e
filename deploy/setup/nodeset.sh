#!/bin/sh
# The published types of OPC 40100-1 (machine vision), for `deliver.opcua_server.nodeset`: from the
# npm package that ships them, checked by npm, into the folder that is named (var/nodesets).
set -eu
package=node-opcua-nodesets@2.185.0
file=Opc.Ua.MachineVision.NodeSet2.xml
folder=${1:-$(dirname "$0")/../../var/nodesets}
[ -f "$folder/$file" ] && exit 0
command -v npm >/dev/null || {
  echo "not installed: $file (no npm); the OPC UA server then shows the flat block alone" >&2
  exit 0
}
mkdir -p "$folder"
part=$(mktemp -d)
trap 'rm -rf "$part"' EXIT
npm pack "$package" --pack-destination "$part" --loglevel=error >/dev/null &&
  tar -xzf "$part"/*.tgz -C "$part" "package/nodesets/$file" &&
  mv "$part/package/nodesets/$file" "$folder/$file" ||
  echo "not installed: $file (npm failed); the OPC UA server then shows the flat block alone" >&2
