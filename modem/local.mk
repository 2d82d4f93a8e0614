# The dialer: one program, and the libraries it is made of.  It must link
# neither SQLite nor libxml2 (tests/s_dialer_links.sh).
include modem/local.zmodem.mk
include modem/local.crypto.mk
include modem/local.link.mk
include modem/local.exchange.mk
include modem/local.who.mk
include modem/local.due.mk
include modem/local.at.mk

noinst_LIBRARIES += modem/libport.a
modem_libport_a_SOURCES = \
	modem/port.c modem/port.h \
	modem/port_fd.c modem/port_serial.c \
	modem/port_lock.c modem/port_lock.h

pkglibexec_PROGRAMS += dialsync-dialer
dialsync_dialer_SOURCES = \
	modem/dialer_main.c \
	modem/call.h modem/call_p.h modem/session.h \
	modem/call_site.c modem/call_line.c modem/call_line.h \
	modem/call_peer.c modem/call_peer.h \
	modem/call_place.c modem/call_answer.c modem/call_hangup.c \
	modem/call_run.c modem/call_loop.c \
	modem/call_modem.c modem/call_modem.h modem/call_login.c \
	modem/talk.c modem/talk.h \
	modem/call_send.c modem/call_recv.c \
	modem/call_disk.c modem/call_disk.h \
	modem/call_zm.c modem/call_exchange.h modem/call_exchange.c \
	modem/call_exchange_send.c modem/call_exchange_recv.c \
	modem/call_exchange_line.c \
	modem/call_pack.c modem/call_report.c modem/call_hook.c
dialsync_dialer_LDADD = modem/libport.a modem/libdue.a modem/libat.a \
	src/hook/libhook.a src/schedule/libschedule.a \
	modem/libexchange.a modem/libnoise.a modem/liblink.a \
	modem/libzmodem.a modem/libwho.a src/keys/libkeys.a \
	src/config/libconfig.a src/spool/libspool.a src/base/libbase.a \
	$(SERIALPORT_LIBS) $(INIH_LIBS) $(ZLIB_LIBS) $(SODIUM_LIBS) -lpthread

dist_man_MANS += doc/dialsync-call.1 doc/dialsync-answer.1 \
	doc/dialsync-hangup.1
