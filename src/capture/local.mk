# Capture: triggers in the database, and the fold of what they logged.
noinst_LIBRARIES += src/capture/libcapture.a
src_capture_libcapture_a_SOURCES = \
	src/capture/capture.h src/capture/capture_p.h \
	src/capture/triggers.c \
	src/capture/index_text.c \
	src/capture/source.c src/capture/source.h \
	src/capture/track.c \
	src/capture/refresh.c \
	src/capture/fold.c \
	src/capture/identity.c src/capture/identity.h \
	src/capture/ahead.c src/capture/ahead.h \
	src/capture/renew.c \
	src/capture/load.c src/capture/load.h \
	src/capture/forget.c src/capture/forget.h
