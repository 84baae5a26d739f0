#!/bin/bash
set -euo pipefail
rm -f audit.log || true
strictreal audit . --strict | tee audit.log
if ! strictreal evidence verify evidence; then
  echo "the evidence is broken" >&2
  exit 1
fi
