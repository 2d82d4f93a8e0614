# First loads and forgetting.
TESTS += tests/s_load.sh tests/s_forget.sh
EXTRA_DIST += tests/s_load.sh tests/s_forget.sh

if HAVE_CMOCKA
check_PROGRAMS += tests/t_load
TESTS += tests/t_load
tests_t_load_SOURCES = tests/t_load.c
tests_t_load_LDADD = $(DIALSYNC_WORK_LIBS) $(CMOCKA_LIBS)
endif
