if HAVE_CMOCKA
check_PROGRAMS += tests/t_bundle_value tests/t_bundle tests/t_bundle_hostile
TESTS += tests/t_bundle_value tests/t_bundle tests/t_bundle_hostile
tests_t_bundle_value_SOURCES = tests/t_bundle_value.c \
	tests/bundle_random.c tests/bundle_random.h
tests_t_bundle_value_LDADD = src/bundle/libbundle.a src/base/libbase.a \
	$(XML_LIBS) $(ZLIB_LIBS) -lm $(CMOCKA_LIBS)
tests_t_bundle_SOURCES = tests/t_bundle.c \
	tests/bundle_random.c tests/bundle_random.h
tests_t_bundle_LDADD = src/bundle/libbundle.a src/base/libbase.a \
	$(XML_LIBS) $(ZLIB_LIBS) -lm $(CMOCKA_LIBS)
tests_t_bundle_hostile_SOURCES = tests/t_bundle_hostile.c \
	tests/bundle_random.c tests/bundle_random.h
tests_t_bundle_hostile_LDADD = src/bundle/libbundle.a src/base/libbase.a \
	$(XML_LIBS) $(ZLIB_LIBS) -lm $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/gen_bundles
tests_gen_bundles_SOURCES = tests/gen_bundles.c \
	tests/bundle_random.c tests/bundle_random.h
tests_gen_bundles_LDADD = src/bundle/libbundle.a src/base/libbase.a \
	$(XML_LIBS) $(ZLIB_LIBS) -lm
TESTS += tests/s_bundle_xmllint.sh
EXTRA_DIST += tests/s_bundle_xmllint.sh tests/fz_bundle.c
