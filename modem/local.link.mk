# Frames and the link: sans-IO.  Needs crc.c of libzmodem.a, and zlib.
noinst_LIBRARIES += modem/liblink.a
modem_liblink_a_SOURCES = \
	modem/stuff.c modem/stuff.h \
	modem/wire.c modem/wire.h
EXTRA_DIST += modem/link.h
