# Capture: triggers in the database, and the fold of what they logged.
noinst_LIBRARIES += src/capture/libcapture.a
src_capture_libcapture_a_SOURCES = \
	src/capture/capture.h src/capture/capture_p.h \
	src/capture/triggers.c \
	src/capture/index_text.c \
	src/capture/sql_token.c src/capture/sql_token.h \
	src/capture/trigger_text.c src/capture/trigger_text.h \
	src/capture/follow.c \
	src/capture/source.c src/capture/source.h \
	src/capture/track.c \
	src/capture/refresh.c \
	src/capture/rekey.c \
	src/capture/rename.c \
	src/capture/fold.c src/capture/fold_begin.c \
	src/capture/fold_early.c \
	src/capture/identity.c src/capture/identity.h \
	src/capture/ahead.c src/capture/ahead.h \
	src/capture/renew.c \
	src/capture/load.c src/capture/load.h \
	src/capture/forget.c src/capture/forget.h
