# Frames and the link: sans-IO.  Needs crc.c of libzmodem.a, zlib, libm.
noinst_LIBRARIES += modem/liblink.a
modem_liblink_a_SOURCES = \
	modem/stuff.c modem/stuff.h \
	modem/wire.c modem/wire.h \
	modem/link.c modem/link.h modem/link_p.h modem/link_pace_p.h \
	modem/link_send.c modem/link_recv.c \
	modem/link_pace.c modem/link_half.c
