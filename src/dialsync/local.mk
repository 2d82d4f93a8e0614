# The command, and the program that makes and changes sites.
bin_PROGRAMS += dialsync
dialsync_SOURCES = src/dialsync/dialsync_main.c
dialsync_LDADD = src/base/libbase.a

pkglibexec_PROGRAMS += dialsync-site
dialsync_site_SOURCES = \
	src/dialsync/site_main.c src/dialsync/site_cmd.h \
	src/dialsync/site_init.c \
	src/dialsync/site_track.c \
	src/dialsync/site_peer.c src/dialsync/site_peer.h \
	src/dialsync/site_copy.c \
	src/dialsync/site_resend.c \
	src/dialsync/site_key.c src/dialsync/site_key.h \
	src/dialsync/site_copy_db.c src/dialsync/site_copy_db.h \
	src/dialsync/site_identity.c src/dialsync/site_identity.h
dialsync_site_LDADD = src/site/libsite.a src/capture/libcapture.a \
	src/store/libstore.a src/bundle/libbundle.a src/keys/libkeys.a \
	src/spool/libspool.a src/config/libconfig.a src/base/libbase.a \
	$(SODIUM_LIBS) $(SQLITE_LIBS) $(INIH_LIBS) $(ZLIB_LIBS) -lm
