# What is held: claims and decisions as tables, and the whole with commands.
TESTS += tests/s_held.sh
EXTRA_DIST += tests/s_held.sh
if HAVE_CMOCKA
check_PROGRAMS += tests/t_held
TESTS += tests/t_held
tests_t_held_SOURCES = tests/t_held.c
tests_t_held_LDADD = src/apply/libmerge.a src/capture/libcapture.a \
	src/store/libstore.a src/base/libbase.a $(SQLITE_LIBS) $(ZLIB_LIBS) \
	$(CMOCKA_LIBS)
endif
