# Keys, and bundles that carry a digest.
TESTS += tests/s_keys.sh tests/s_signed.sh
EXTRA_DIST += tests/s_keys.sh tests/s_signed.sh

if HAVE_CMOCKA
check_PROGRAMS += tests/t_digest
TESTS += tests/t_digest
tests_t_digest_SOURCES = tests/t_digest.c
tests_t_digest_LDADD = src/bundle/libbundle.a src/base/libbase.a \
	$(XML_LIBS) $(ZLIB_LIBS) -lm $(CMOCKA_LIBS)
endif
