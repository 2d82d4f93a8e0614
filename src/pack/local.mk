pkglibexec_PROGRAMS += dialsync-pack
dialsync_pack_SOURCES = \
	src/pack/pack_main.c \
	src/pack/pack.c src/pack/pack.h src/pack/pack_p.h \
	src/pack/rows.c src/pack/head.c src/pack/load.c src/pack/sign.c
dialsync_pack_LDADD = src/site/libsite.a \
	src/capture/libcapture.a src/store/libstore.a \
	src/bundle/libbundle.a src/keys/libkeys.a src/spool/libspool.a \
	src/config/libconfig.a src/base/libbase.a $(SODIUM_LIBS) \
	$(SQLITE_LIBS) $(XML_LIBS) $(ZLIB_LIBS) $(INIH_LIBS)
