# Sticks; large bundles in parts; programs that write meanwhile.
TESTS += tests/s_carry.sh
EXTRA_DIST += tests/s_carry.sh
