# Classic ZMODEM, sans-IO.  Needs zlib (crc32) and base only.
noinst_LIBRARIES += modem/libzmodem.a
modem_libzmodem_a_SOURCES = \
	modem/crc.c modem/crc.h \
	modem/frame.c modem/frame.h \
	modem/zmodem.c modem/zmodem.h modem/zmodem_p.h \
	modem/zmodem_send.c modem/zmodem_recv.c
