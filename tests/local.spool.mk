# Tests of the spool library.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_spool tests/t_spool_kill tests/t_status_file
TESTS += tests/t_spool tests/t_spool_kill tests/t_status_file
tests_t_spool_SOURCES = tests/t_spool.c tests/t_spool_site.h
tests_t_spool_LDADD = src/spool/libspool.a src/base/libbase.a \
	$(ZLIB_LIBS) $(CMOCKA_LIBS)
tests_t_spool_kill_SOURCES = tests/t_spool_kill.c tests/t_spool_site.h
tests_t_spool_kill_LDADD = src/spool/libspool.a src/base/libbase.a \
	$(ZLIB_LIBS) $(CMOCKA_LIBS)
tests_t_status_file_SOURCES = tests/t_status_file.c
tests_t_status_file_LDADD = src/spool/libspool.a src/base/libbase.a \
	$(ZLIB_LIBS) $(CMOCKA_LIBS)
endif
