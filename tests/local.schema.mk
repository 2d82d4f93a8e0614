# Schemas that move, and users' triggers.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_trigger_text
TESTS += tests/t_trigger_text
tests_t_trigger_text_SOURCES = tests/t_trigger_text.c
tests_t_trigger_text_LDADD = src/capture/libcapture.a src/store/libstore.a \
	src/base/libbase.a $(SQLITE_LIBS) $(ZLIB_LIBS) -lm $(CMOCKA_LIBS)
endif

TESTS += tests/s_follow.sh tests/s_schema.sh tests/s_rename.sh
EXTRA_DIST += tests/s_follow.sh tests/s_schema.sh tests/s_rename.sh
