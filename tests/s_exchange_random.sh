#!/bin/sh
# Random exchanges (tests/random_exchange.c), a few of each kind; N makes it
# N times as many.
set -eu
build=${abs_top_builddir:-$PWD}
n=${N:-1}
run() { timeout $((600 * n)) "$build/tests/random_exchange" "$@"; }

run -s "${SEED:-1}" -n $((150 * n))
run -s "${SEED:-1}" -n $((20 * n)) -o speed
run -s "${SEED:-1}" -n "$n" -o every
