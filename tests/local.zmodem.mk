# Classic ZMODEM: the codec, the session, and real rz and sz.  fz_zmodem.c is
# also a libFuzzer target of its own:
#   clang -g -O1 -fsanitize=fuzzer,address,undefined -I. -Isrc \
#     tests/fz_zmodem.c modem/crc.c modem/frame.c modem/zmodem*.c \
#     src/base/err.c src/base/text.c -lz
if HAVE_CMOCKA
check_PROGRAMS += tests/t_frame tests/t_zmodem tests/t_zmodem_peer
TESTS += tests/t_frame tests/t_zmodem tests/t_zmodem_peer
tests_t_frame_SOURCES = tests/t_frame.c
tests_t_frame_LDADD = modem/libzmodem.a src/base/libbase.a \
	$(ZLIB_LIBS) $(CMOCKA_LIBS)
tests_t_zmodem_SOURCES = tests/t_zmodem.c tests/fz_zmodem.c \
	tests/zmodem_ends.c tests/zmodem_ends.h
tests_t_zmodem_LDADD = modem/libzmodem.a src/base/libbase.a \
	$(ZLIB_LIBS) $(CMOCKA_LIBS)
tests_t_zmodem_peer_SOURCES = tests/t_zmodem_peer.c \
	tests/zmodem_ends.c tests/zmodem_ends.h
tests_t_zmodem_peer_LDADD = modem/libzmodem.a src/base/libbase.a \
	$(ZLIB_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/zmodem_pipe
tests_zmodem_pipe_SOURCES = tests/zmodem_pipe.c
tests_zmodem_pipe_LDADD = modem/libzmodem.a src/base/libbase.a $(ZLIB_LIBS)
TESTS += tests/s_zmodem_lrzsz.sh
EXTRA_DIST += tests/s_zmodem_lrzsz.sh
