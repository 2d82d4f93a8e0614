# How late control is while data flows: two links on real ttys.
check_PROGRAMS += tests/queueing
tests_queueing_SOURCES = tests/queueing.c
tests_queueing_LDADD = modem/liblink.a modem/libzmodem.a \
	src/base/libbase.a $(ZLIB_LIBS) -lm
TESTS += tests/s_queueing.sh
EXTRA_DIST += tests/s_queueing.sh
