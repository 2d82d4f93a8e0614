# The exchange: messages, whole sessions, the worked byte dump, random ones.
EXCHANGE_LIBS = modem/libexchange.a modem/liblink.a modem/libnoise.a \
	modem/libzmodem.a src/base/libbase.a $(SODIUM_LIBS) $(ZLIB_LIBS) -lm
EXCHANGE_ENDS = tests/exchange_ends.c tests/exchange_ends.h \
	tests/line/line.c tests/line/line.h
EXCHANGE_HAND = tests/exchange_hand.c tests/exchange_hand.h

if HAVE_CMOCKA
check_PROGRAMS += tests/t_message tests/t_exchange
TESTS += tests/t_message tests/t_exchange
tests_t_message_SOURCES = tests/t_message.c
tests_t_message_LDADD = modem/libexchange.a $(CMOCKA_LIBS)
tests_t_exchange_SOURCES = tests/t_exchange.c $(EXCHANGE_ENDS) \
	$(EXCHANGE_HAND)
tests_t_exchange_LDADD = $(EXCHANGE_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/dump_exchange tests/random_exchange
tests_dump_exchange_SOURCES = tests/dump_exchange.c $(EXCHANGE_ENDS)
tests_dump_exchange_LDADD = $(EXCHANGE_LIBS)
tests_random_exchange_SOURCES = tests/random_exchange.c $(EXCHANGE_ENDS)
tests_random_exchange_LDADD = $(EXCHANGE_LIBS)
TESTS += tests/s_exchange_dump.sh tests/s_exchange_random.sh
EXTRA_DIST += tests/s_exchange_dump.sh tests/s_exchange_random.sh \
	tests/fz_exchange.c
EXTRA_DIST += \
	tests/corpus/exchange/01 tests/corpus/exchange/02 tests/corpus/exchange/03 \
	tests/corpus/exchange/04 tests/corpus/exchange/05 tests/corpus/exchange/06 \
	tests/corpus/exchange/07 tests/corpus/exchange/08 tests/corpus/exchange/09 \
	tests/corpus/exchange/10 tests/corpus/exchange/11 tests/corpus/exchange/12 \
	tests/corpus/exchange/13 tests/corpus/exchange/14 tests/corpus/exchange/15 \
	tests/corpus/exchange/16 tests/corpus/exchange/17 tests/corpus/exchange/18 \
	tests/corpus/exchange/19 tests/corpus/exchange/20 tests/corpus/exchange/21 \
	tests/corpus/exchange/22 tests/corpus/exchange/23 tests/corpus/exchange/24
