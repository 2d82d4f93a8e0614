# Keys, Noise, records, hello.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_keys tests/t_noise tests/t_record tests/t_hello
TESTS += tests/t_keys tests/t_noise tests/t_record tests/t_hello
tests_t_keys_SOURCES = tests/t_keys.c
tests_t_keys_LDADD = src/keys/libkeys.a src/base/libbase.a \
	$(SODIUM_LIBS) $(CMOCKA_LIBS)
tests_t_noise_SOURCES = tests/t_noise.c
tests_t_noise_LDADD = modem/libnoise.a $(SODIUM_LIBS) $(CMOCKA_LIBS)
tests_t_record_SOURCES = tests/t_record.c
tests_t_record_LDADD = modem/libnoise.a $(SODIUM_LIBS) $(CMOCKA_LIBS)
tests_t_hello_SOURCES = tests/t_hello.c tests/fz_hello.c modem/stuff.c
tests_t_hello_LDADD = modem/libnoise.a modem/libzmodem.a src/base/libbase.a \
	$(ZLIB_LIBS) $(CMOCKA_LIBS)
endif
