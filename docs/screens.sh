#!/bin/sh
# Renders the pictures of docs/screens from the running program.
set -eu
cd "$(dirname "$0")/.."
mkdir -p docs/screens
SITREP_SCREENS=$PWD/docs/screens go test -count=1 -run '^TestShop$/^Pictures$' ./cmd/sitrep
