# Sticks; large bundles in parts; programs that write meanwhile.
TESTS += tests/s_carry.sh tests/s_parts.sh tests/s_lockout.sh
EXTRA_DIST += tests/s_carry.sh tests/s_parts.sh tests/s_lockout.sh

check_PROGRAMS += tests/writers
tests_writers_SOURCES = tests/writers.c
tests_writers_LDADD = $(SQLITE_LIBS)
