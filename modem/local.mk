# The dialer: one program, and the libraries it is made of.  It must link
# neither SQLite nor libxml2 (tests/s_dialer_links.sh).
include modem/local.zmodem.mk
include modem/local.crypto.mk
include modem/local.link.mk
include modem/local.exchange.mk
include modem/local.who.mk
include modem/local.at.mk

noinst_LIBRARIES += modem/libport.a
modem_libport_a_SOURCES = \
	modem/port.c modem/port.h \
	modem/port_fd.c modem/port_serial.c \
	modem/port_lock.c modem/port_lock.h

pkglibexec_PROGRAMS += dialsync-dialer
dialsync_dialer_SOURCES = \
	modem/dialer_main.c \
	modem/call.h modem/call_p.h modem/call_line.h \
	modem/call_site.c modem/call_line.c \
	modem/call_place.c modem/call_answer.c modem/call_hangup.c \
	modem/call_run.c modem/call_loop.c modem/call_events.c \
	modem/call_send.c modem/call_recv.c \
	modem/call_pack.c modem/call_report.c
dialsync_dialer_LDADD = modem/libport.a modem/libzmodem.a \
	src/config/libconfig.a src/spool/libspool.a src/base/libbase.a \
	$(SERIALPORT_LIBS) $(INIH_LIBS) $(ZLIB_LIBS)

dist_man_MANS += doc/dialsync-call.1 doc/dialsync-answer.1 \
	doc/dialsync-hangup.1
