# Keys, and bundles that carry a digest.
TESTS += tests/s_keys.sh tests/s_signed.sh
EXTRA_DIST += tests/s_keys.sh tests/s_signed.sh

if HAVE_CMOCKA
check_PROGRAMS += tests/t_digest tests/t_trust
TESTS += tests/t_digest tests/t_trust
tests_t_digest_SOURCES = tests/t_digest.c
tests_t_digest_LDADD = src/bundle/libbundle.a src/base/libbase.a \
	$(XML_LIBS) $(ZLIB_LIBS) -lm $(CMOCKA_LIBS)
tests_t_trust_SOURCES = tests/t_trust.c src/apply/trust.c src/pack/sign.c
tests_t_trust_LDADD = src/bundle/libbundle.a src/keys/libkeys.a \
	src/base/libbase.a $(SODIUM_LIBS) $(ZLIB_LIBS) $(CMOCKA_LIBS)
endif
