#!/bin/bash
CMD="strictreal audit"
status=0
check() { "$@" || { status=1; echo "failed: $*"; }; }
check $CMD . --strict
bash -c 'strictreal evidence verify evidence' || status=1
exit "$status"
