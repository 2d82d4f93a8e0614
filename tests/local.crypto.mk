# Keys, Noise, records, hello.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_keys
TESTS += tests/t_keys
tests_t_keys_SOURCES = tests/t_keys.c
tests_t_keys_LDADD = src/keys/libkeys.a src/base/libbase.a \
	$(SODIUM_LIBS) $(CMOCKA_LIBS)
endif
