#!/usr/bin/env bash
# start.sh PORT DATA_FOLDER [DATABASE]: run the upstream Java server on the loopback address, in the foreground.
#
# DATABASE is sqlite (a file in the folder, the default) or postgresql (CONDUCTOR_DATABASE has its JDBC URL).
# Needs a JDK of 21 or newer (JAVA_HOME, or any under /usr/lib/jvm); fetch.sh finds the server's jar.
set -euo pipefail

port=${1:?port}
data=${2:?data folder}
database=${3:-sqlite}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

java_release() {
  "$1/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'
}

find_java() {
  local home release
  for home in ${JAVA_HOME:+"$JAVA_HOME"} /usr/lib/jvm/*; do
    [ -x "$home/bin/java" ] || continue
    release=$(java_release "$home")
    if [ "${release:-0}" -ge 21 ]; then
      echo "$home/bin/java"
      return
    fi
  done
  echo "missing: a JDK of 21 or newer; name its folder in JAVA_HOME" >&2
  exit 2
}

java=$(find_java)
jar=$("$here/fetch.sh")
mkdir -p "$data"
cd "$data"
export CONDUCTOR_DATA=$PWD
exec "$java" -Dpolyglot.engine.WarnInterpreterOnly=false -DCONDUCTOR_CONFIG_FILE="$here/$database.properties" \
  -Dserver.address=127.0.0.1 -Dserver.port="$port" -jar "$jar"
