# The exchange.
EXCHANGE_LIBS = modem/libexchange.a modem/liblink.a modem/libnoise.a \
	modem/libzmodem.a src/base/libbase.a $(SODIUM_LIBS) $(ZLIB_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += tests/t_message
TESTS += tests/t_message
tests_t_message_SOURCES = tests/t_message.c
tests_t_message_LDADD = modem/libexchange.a $(CMOCKA_LIBS)
endif
