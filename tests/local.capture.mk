# Capture, and the commands that make and change sites.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_triggers
TESTS += tests/t_triggers
tests_t_triggers_SOURCES = tests/t_triggers.c
tests_t_triggers_LDADD = src/capture/libcapture.a src/store/libstore.a \
	src/base/libbase.a $(SQLITE_LIBS) $(ZLIB_LIBS) -lm $(CMOCKA_LIBS)
endif

TESTS += tests/s_site.sh tests/s_peer.sh tests/s_capture.sh
EXTRA_DIST += tests/s_site.sh tests/s_peer.sh tests/s_capture.sh \
	tests/site_lib.sh
