# The model, and the program against it.
check_PROGRAMS += tests/history
tests_history_SOURCES = $(DIALSYNC_WORK_SOURCES) tests/history.c
tests_history_LDADD = $(DIALSYNC_WORK_LIBS)
tests_history_LDFLAGS = -Wl,--wrap=store_random_inc
TESTS += tests/s_model.sh
EXTRA_DIST += tests/s_model.sh tests/model.py
