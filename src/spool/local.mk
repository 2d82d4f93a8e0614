# The spool: names, durable moves, locks, status files, the log of calls.
noinst_LIBRARIES += src/spool/libspool.a
src_spool_libspool_a_SOURCES = \
	src/spool/spool.h src/spool/spool_p.h src/spool/spool.c \
	src/spool/spool_step.c \
	src/spool/spool_text.h src/spool/spool_text.c \
	src/spool/spool_lock.h src/spool/spool_lock.c \
	src/spool/spool_outbox.h src/spool/spool_outbox.c \
	src/spool/spool_part.h src/spool/spool_part.c \
	src/spool/spool_inbox.h src/spool/spool_inbox.c \
	src/spool/spool_known.c \
	src/spool/status_file.h src/spool/status_file.c \
	src/spool/call_log.h src/spool/call_log.c
EXTRA_DIST += doc/SPOOL.md
