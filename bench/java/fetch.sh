#!/usr/bin/env bash
# Print the path of the upstream server's jar: CONDUCTOR_JAR, or build/bench, where Maven brings it once (about 460 MB).
set -euo pipefail

version=3.32.3
cache=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bench
jar=${CONDUCTOR_JAR:-$cache/conductor-server-$version-boot.jar}

if [ ! -f "$jar" ]; then
  [ -z "${CONDUCTOR_JAR:-}" ] || { echo "missing: $CONDUCTOR_JAR, named in CONDUCTOR_JAR" >&2; exit 2; }
  command -v mvn >/dev/null || { echo "missing: mvn (apt-get install maven), or the jar's path in CONDUCTOR_JAR" >&2; exit 2; }
  mkdir -p "$cache"
  mvn -q -B dependency:copy -Dartifact="org.conductoross:conductor-server:$version:jar:boot" -DoutputDirectory="$cache" >&2
fi
readlink -f "$jar"
