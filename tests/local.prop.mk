# Random histories of the pipeline as a whole, named ones, and the fan-out.
DIALSYNC_WORLD_SOURCES = $(DIALSYNC_WORK_SOURCES) \
	src/dialsync/site_copy_db.c src/dialsync/site_identity.c \
	tests/random_world.c tests/random_world.h tests/random_move.c \
	tests/random_fate.c tests/random_fate.h tests/random_keys.c tests/random_sql.c tests/random_sql.h \
	tests/random_dump.c tests/random_judge.c tests/random_judge.h \
	tests/random_wire.c tests/random_wire.h

check_PROGRAMS += tests/random_sites
TESTS += tests/random_sites
tests_random_sites_SOURCES = $(DIALSYNC_WORLD_SOURCES) tests/random_sites.c
tests_random_sites_LDADD = $(DIALSYNC_WORK_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/t_named
TESTS += tests/t_named
tests_t_named_SOURCES = $(DIALSYNC_WORLD_SOURCES) tests/t_named.c \
	tests/random_fanout.c tests/random_fanout.h
tests_t_named_LDADD = $(DIALSYNC_WORK_LIBS) $(CMOCKA_LIBS)
endif

TESTS += tests/s_northwind.sh
EXTRA_DIST += tests/s_northwind.sh
