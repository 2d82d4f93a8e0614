# Tests of the status.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_status_model tests/t_status_db
TESTS += tests/t_status_model tests/t_status_db
tests_t_status_model_SOURCES = tests/t_status_model.c
tests_t_status_model_LDADD = src/status/libstatus.a \
	src/schedule/libschedule.a src/spool/libspool.a \
	src/base/libbase.a $(ZLIB_LIBS) $(CMOCKA_LIBS)
tests_t_status_db_SOURCES = tests/t_status_db.c
tests_t_status_db_LDADD = src/status/libstatus.a src/store/libstore.a \
	src/base/libbase.a $(SQLITE_LIBS) $(ZLIB_LIBS) \
	$(CMOCKA_LIBS)
endif

TESTS += tests/s_status.sh
EXTRA_DIST += tests/s_status.sh \
	tests/data/status-exchanging.json tests/data/status-exchanging.txt \
	tests/data/status-hostile.json tests/data/status-hostile.txt \
	tests/data/status-safe.json tests/data/status-safe.txt \
	tests/data/status-unknown.json tests/data/status-unknown.txt
