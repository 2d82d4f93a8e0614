# Status: readings -> model (pure) -> text, JSON.  Owns and locks nothing.
noinst_LIBRARIES += src/status/libstatus.a
src_status_libstatus_a_SOURCES = \
	src/status/status_model.h src/status/status_model.c \
	src/status/status_text.h src/status/status_text.c \
	src/status/status_json.h src/status/status_json.c \
	src/status/status_look.h src/status/status_look.c \
	src/status/status_db.h src/status/status_db.c

pkglibexec_PROGRAMS += dialsync-status
dialsync_status_SOURCES = src/status/status_main.c
dialsync_status_LDADD = src/status/libstatus.a src/store/libstore.a \
	src/schedule/libschedule.a src/spool/libspool.a src/config/libconfig.a src/base/libbase.a \
	$(SQLITE_LIBS) $(INIH_LIBS) $(ZLIB_LIBS)
