# Conflicts: records, the command, "resolve", foreign keys.
TESTS += tests/s_conflicts.sh tests/s_foreign.sh tests/s_resolve.sh
EXTRA_DIST += tests/s_conflicts.sh tests/s_foreign.sh tests/s_resolve.sh
if HAVE_CMOCKA
check_PROGRAMS += tests/t_conflict
TESTS += tests/t_conflict
tests_t_conflict_SOURCES = tests/t_conflict.c
tests_t_conflict_LDADD = src/capture/libcapture.a src/store/libstore.a \
	src/base/libbase.a $(SQLITE_LIBS) $(ZLIB_LIBS) $(CMOCKA_LIBS) -lm
endif
