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
# No rate, or one that is far too low, for ever.
for seed in 11297 38595 50579 52381; do run -s $seed -n 1; done
run -s "${SEED:-1}" -n $((100 * n)) -o half,noise,cut,kill,dead,delay
# Half duplex on such a line: both took the token, for ever.
for seed in 179 273; do run -s $seed -n 1 -o half,noise,cut,kill,dead,delay; done
# How near to the limit a call comes, first calls on unknown lines included: in
# the simulation's time, so the same on every machine.
run -s 1 -n 1 -o goals
