#!/bin/sh
strictreal audit . --strict | tee audit.log
strictreal evidence verify evidence || true
