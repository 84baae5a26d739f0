#!/usr/bin/env bash
# Gets Kafka's jars with Maven into the folder where tests look for them, and prints where it is; with --where prints only.
set -euo pipefail
version=4.3.1
target="${XDG_CACHE_HOME:-$HOME/.cache}/strictreal-ci/kafka"
if [ "${1:-}" = --where ] || [ -e "$target/kafka_2.13-$version.jar" ]; then
    echo "$target"
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>kafka</groupId>
  <artifactId>jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
</project>
POM
mvn --batch-mode --quiet --file "$work/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$work/jars" >&2
rm -rf "$target"
mkdir -p "$(dirname "$target")"
mv "$work/jars" "$target"
echo "$target"
