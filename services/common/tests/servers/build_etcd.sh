#!/usr/bin/env bash
# Builds etcd with Go's own client into the folder where tests look for it, and prints where it is.
# `go install` refuses the server's module because it replaces others, so two lines of Go stand around it.
set -euo pipefail
version=v3.6.16
target="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/strictreal-ci}"
if [ -x "$target/etcd" ] && "$target/etcd" --version | grep -qx "etcd Version: ${version#v}"; then
    echo "$target/etcd"
    exit
fi
mkdir -p "$target"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
GO
go mod init etcd
go get "go.etcd.io/etcd/server/v3@$version"
go build -trimpath -o "$target/etcd.new" .
mv "$target/etcd.new" "$target/etcd"
echo "$target/etcd"
