# Conflicts that no honest site makes, and those whose tables moved since.
TESTS += tests/s_conflict_hostile.sh tests/s_conflict_moved.sh
EXTRA_DIST += tests/s_conflict_hostile.sh tests/s_conflict_moved.sh
