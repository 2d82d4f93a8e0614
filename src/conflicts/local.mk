pkglibexec_PROGRAMS += dialsync-conflicts
dialsync_conflicts_SOURCES = \
	src/conflicts/conflicts_main.c src/conflicts/conflicts.h \
	src/conflicts/record.c src/conflicts/list.c src/conflicts/show.c \
	src/conflicts/take.c src/conflicts/take_row.c \
	src/conflicts/take_held.c
dialsync_conflicts_LDADD = src/site/libsite.a src/capture/libcapture.a \
	src/store/libstore.a src/spool/libspool.a src/config/libconfig.a \
	src/base/libbase.a $(SQLITE_LIBS) $(INIH_LIBS) $(ZLIB_LIBS) -lm
